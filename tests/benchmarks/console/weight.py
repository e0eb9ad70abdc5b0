"""What a page weighs and how soon it is there, and how soon a photo that is dropped on it is answered."""

import base64
from collections.abc import Sequence

import msgspec
from playwright.sync_api import Browser, Page

_LOADED = """() => {
  const [navigation] = performance.getEntriesByType("navigation");
  const files = [navigation, ...performance.getEntriesByType("resource")];
  return {
    requests: files.length,
    bytes: files.reduce((sum, each) => sum + each.transferSize, 0),
    first_paint: performance.getEntriesByName("first-contentful-paint")[0].startTime,
    load: navigation.loadEventEnd,
  };
}"""
# A photo is dropped as a person's hand would, and the answer is there once it has been painted.
_DROP = """([photo, name]) => new Promise(resolve => {
  const bytes = Uint8Array.from(atob(photo), each => each.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, {type: "image/jpeg"}));
  const began = performance.now();
  new MutationObserver((_, observer) => {
    if (!document.querySelector("#answer meter")) return;
    observer.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - began));
  }).observe(document.querySelector("#answer"), {childList: true, subtree: true});
  document.querySelector("#photo-form").dispatchEvent(
    new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
})"""
# By an event of the page: to look again and again is to evaluate a string, which its policy forbids.
_PAINTED = """() => new Promise((painted) => {
  new PerformanceObserver((list, observer) => {
    if (list.getEntriesByName("first-contentful-paint").length === 0) return;
    observer.disconnect();
    painted();
  }).observe({ type: "paint", buffered: true });
})"""


class Weight(msgspec.Struct, frozen=True):
    """What it takes to open a page with nothing of it in the browser's cache; times from the click on."""

    page: str
    requests: int
    kib: float  # that went over the network, headers too
    first_paint: float  # milliseconds, until something of it is seen
    load: float  # milliseconds, until all of it is there


def weigh(browser: Browser, name: str, url: str) -> Weight:
    """Open a page once, as nobody has before."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url, wait_until="load")
        page.evaluate(_PAINTED)
        seen = page.evaluate(_LOADED)
        return Weight(name, seen["requests"], seen["bytes"] / 1024, seen["first_paint"], seen["load"])


def drop_all(page: Page, photos: Sequence[bytes], drops: int) -> list[float]:
    """Drop photos one after the other on a model's page; return the milliseconds until each was answered."""
    encoded = [base64.b64encode(each).decode() for each in photos]
    return [
        float(page.evaluate(_DROP, [encoded[number % len(photos)], f"{number}.jpg"]))
        for number in range(drops)
    ]
