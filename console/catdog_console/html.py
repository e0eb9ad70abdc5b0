"""Renders pages and fragments: all text from elsewhere is escaped, and what is missing is an error."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from catdog_console.traffic_view import StripItem, StripView
from catdog_console.views import ModelView, Row

_HERE = Path(__file__).parent
STATIC_TYPES = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_YEAR_SECONDS = 365 * 86400
_KEPT = 512  # items of strips that are rendered once for all pages that show them

_MODEL_PARTS = ("words", "state", "training", "conditions", "versions", "history", "beside")
STRIP, RATES, TROUBLE = "strip-items", "strip-rates", "strip-trouble"  # ids of elements


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = static_url
    return environment


class Asset:
    """A file of the pages' own."""

    def __init__(self, name: str) -> None:
        self.content = (_HERE / "static" / name).read_bytes()
        self.digest = hashlib.sha256(self.content).hexdigest()[:12]
        self.type = STATIC_TYPES[name]

    def response(self) -> Response:
        """Return it to a browser, which may keep it: its address changes as it does."""
        caching = {"Cache-Control": f"public, max-age={_YEAR_SECONDS}, immutable"}
        return Response(self.content, media_type=self.type, headers=caching)


ASSETS: Mapping[str, Asset] = {name: Asset(name) for name in STATIC_TYPES}


def static_url(name: str) -> str:
    """Return the address of a file of the pages' own."""
    return f"/static/{ASSETS[name].digest}/{name}"


_ENVIRONMENT = _environment()


def render(template: str, **values: object) -> str:
    """Return a template with its values."""
    return _ENVIRONMENT.get_template(template).render(**values)


def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(render(template, **values), status)


@lru_cache(1)  # the newest is for all pages, and those before may be large
def list_fragments(rows: tuple[Row, ...], outages: tuple[str, ...], *, heard: bool) -> Mapping[str, str]:
    """Return what changes of the list of models, by the ids of elements."""
    return {
        "outages": render("fragments/outages.html", outages=outages),
        "models": render("fragments/models.html", rows=rows, heard=heard),
    }


def model_fragments(model: ModelView, outages: tuple[str, ...], trouble: str) -> Mapping[str, str]:
    """Return what changes of a model's page, by the ids of elements; `trouble` is why nothing can be sent."""
    return {
        "outages": render("fragments/outages.html", outages=outages),
        "kafka": render("fragments/kafka.html", trouble=trouble).strip(),
        **{part: render(f"fragments/{part}.html", model=model) for part in _MODEL_PARTS},
    }


def gone_fragments() -> Mapping[str, str]:
    """Return what is left of a model's page when the model is gone."""
    return {**dict.fromkeys(_MODEL_PARTS, ""), "words": render("fragments/gone.html")}


@lru_cache(_KEPT)
def strip_item(item: StripItem) -> Markup:
    """Return one item of the strip."""
    # A template's output, which escapes.
    return Markup(render("fragments/strip_item.html", item=item))  # noqa: S704


def strip_fragments(strip: StripView) -> Mapping[str, str]:
    """Return the strip, by the ids of elements."""
    return {
        STRIP: "".join(map(strip_item, strip.items)),
        RATES: render("fragments/rates.html", rates=strip.rates),
        TROUBLE: render("fragments/trouble.html", trouble=strip.trouble),
    }


def revision(fragments: Mapping[str, str]) -> str:
    """Return what tells fragments from others."""
    return hashlib.sha256("\0".join(fragments.values()).encode()).hexdigest()[:16]
