// Puts what the server sends where it belongs, and sends photos without leaving the page.
// Every page works without it; all HTML here was made, and escaped, by the server.

const element = (id) => document.getElementById(id);
const clock = () => new Date().toLocaleTimeString();

// Live parts ----------------------------------------------------------------------------------------------

const AGAIN_MILLISECONDS = 3000; // after which is tried again what a proxy has refused
let source = null;
let since = null;
let paused = false;
let seen = null; // the state that the page was told last, if it was

const tell = (isConnected) => {
  const notice = element("connection");
  since = isConnected ? null : (since ?? clock());
  notice.hidden = isConnected;
  const words = isConnected ? "" : `Not connected to the console since ${since}: what is shown is from before. It is tried again.`;
  if (notice.textContent !== words) notice.textContent = words;
};

// Who stood on a link stands there again, and what was opened stays open, though both were made anew.
const replace = (target, html) => {
  const focused = target.contains(document.activeElement) ? document.activeElement : null;
  const href = focused?.getAttribute("href");
  const chosen = target.value; // of a select
  const opened = [...target.querySelectorAll("details[open]")].map((each) => each.id);
  target.innerHTML = html;
  if ([...(target.options ?? [])].some((each) => each.value === chosen)) target.value = chosen;
  for (const id of opened) element(id)?.setAttribute("open", "");
  if (!focused) return;
  const again = href ? target.querySelector(`[href="${CSS.escape(href)}"]`) : target.querySelector(focused.localName);
  again?.focus({ preventScroll: true });
};

const prepend = (target, html) => {
  target.insertAdjacentHTML("afterbegin", html);
  while (target.children.length > Number(target.dataset.most)) target.lastElementChild.remove();
};

const follow = () => {
  source?.close();
  const { events } = document.body.dataset; // with the state that the page was made of
  source = new EventSource(seen ? events.replace(/seen=.*/, `seen=${seen}`) : events);
  source.onopen = () => tell(true);
  source.onerror = () => {
    tell(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => document.hidden || follow(), AGAIN_MILLISECONDS);
  };
  for (const [kind, put] of [["replace", replace], ["prepend", prepend]]) {
    source.addEventListener(kind, (event) => {
      seen = event.lastEventId || seen;
      const { target, html } = JSON.parse(event.data);
      const found = element(target);
      if (found && !(paused && found.closest("[data-pausable]"))) put(found, html);
    });
  }
};

if (document.body.dataset.events) {
  follow();
  // A browser has few connections to a host: a page that nobody sees gives its own back.
  document.addEventListener("visibilitychange", () => (document.hidden ? source.close() : follow()));
  addEventListener("pageshow", (event) => event.persisted && follow());
}

const pause = element("pause");
if (pause) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) follow(); // which begins with the strip as it is
  });
}

// A photo -------------------------------------------------------------------------------------------------

const form = element("photo-form");
const answer = element("answer");
let asked = 0; // photos; an answer to an earlier one than the last is not shown

const say = (words) => {
  answer.textContent = words;
};

const fetchAnswer = async (mine, url, options = {}) => {
  const response = await fetch(url, { ...options, headers: { "Catdog-Fragment": "answer" } });
  const html = await response.text();
  if (mine !== asked) return;
  answer.innerHTML = html;
  const again = answer.querySelector("[data-again]")?.dataset.again;
  if (again) await fetchAnswer(mine, again);
};

const ask = async (photo) => {
  const mine = ++asked;
  const preview = element("preview");
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(photo);
  preview.hidden = false;
  const most = Number(form.dataset.most); // 0 where it is not known yet
  if (most && photo.size > most) {
    say(`The photo has ${photo.size} bytes, more than the ${most} that the model takes: make it smaller.`);
    return;
  }
  say("The photo is sent.");
  const data = new FormData();
  data.set("photo", photo);
  data.set("beside", element("beside")?.value ?? "");
  try {
    await fetchAnswer(mine, form.action, { method: "POST", body: data });
  } catch (error) {
    say(`The console does not answer (${error.message}): try again.`);
  }
};

if (form) {
  const inputs = [...form.querySelectorAll("input[type=file]")];
  const first = (files) => [...(files ?? [])].find((each) => each.type.startsWith("image/")) ?? files?.[0];
  element("drop-words").hidden = false;
  for (const input of inputs) {
    input.addEventListener("change", () => {
      for (const other of inputs) if (other !== input) other.value = "";
      if (input.files[0]) ask(input.files[0]);
    });
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const photo = inputs.map((each) => each.files[0]).find(Boolean);
    if (photo) ask(photo);
    else say("Choose a photo first.");
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    form.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.toggle("over", kind === "dragover");
      const photo = kind === "drop" && first(event.dataTransfer.files);
      if (photo) ask(photo);
    });
  }
  addEventListener("paste", (event) => {
    const photo = first(event.clipboardData.files);
    if (photo) ask(photo);
  });
}
