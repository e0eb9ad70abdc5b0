"""A version's page: its curves, what it takes for what, its worst photos, and its card."""

from collections.abc import Sequence

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from catdog_client.errors import ClientError
from catdog_client.version_files import Published
from catdog_common.artifact import MODEL_CARD_FILE, MODEL_FILE
from catdog_console.card import render_card
from catdog_console.cluster import Key
from catdog_console.html import page
from catdog_console.parts import NOT_FOUND, Parts, find_version
from catdog_console.version_view import CONTENT_TYPES, DOWNLOADS, VersionView, add_metrics, view_version


class VersionPages:
    """The pages of versions, and their files."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> Sequence[Route]:
        """Return where they are."""
        base = "/models/{namespace}/{name}/versions/{number:int}"
        return (Route(base, self.version), Route(f"{base}/files/{{file}}", self.file))

    async def version(self, request: Request) -> Response:
        """Show a version; where its files can't be had, what the status has of it, and why."""
        key, known = self._parts.find(request)
        version, published = find_version(known, request.path_params["number"])
        try:
            files = await self._parts.reports.files(key, published)
        except ClientError as error:
            trouble = f"Its curves, pictures and card can't be shown: {error}."
            view = view_version(key, known.model, version, trouble=trouble)
            return page("version.html", version=view, card="")
        view = view_version(key, known.model, version, files)
        if MODEL_FILE in files:
            view = await self._measured(key, published, view)
        card = await self._card(key, published) if MODEL_CARD_FILE in files else ""
        return page("version.html", version=view, card=card)

    async def file(self, request: Request) -> Response:
        """Hand out a file of a version: a picture to be shown, anything else to be saved."""
        key, known = self._parts.find(request)
        _, published = find_version(known, request.path_params["number"])
        name = request.path_params["file"]
        if name not in CONTENT_TYPES and name not in DOWNLOADS:
            raise HTTPException(NOT_FOUND, "A version has no such file.")
        content = await self._parts.reports.read(key, published, name)
        if (kind := CONTENT_TYPES.get(name)) is not None:
            return Response(content, media_type=kind)
        attachment = f'attachment; filename="{key.name}-{published.version}-{name}"'
        headers = {"Content-Disposition": attachment}
        return Response(content, media_type="application/octet-stream", headers=headers)

    async def _measured(self, key: Key, published: Published, view: VersionView) -> VersionView:
        try:
            return add_metrics(view, await self._parts.reports.read(key, published, MODEL_FILE))
        except (ClientError, msgspec.DecodeError) as error:
            return msgspec.structs.replace(view, trouble=f"Its figures can't be shown: {error}.")

    async def _card(self, key: Key, published: Published) -> str:
        try:
            return render_card(await self._parts.reports.read(key, published, MODEL_CARD_FILE))
        except ClientError:  # the page says so of the first file that can't be had
            return ""
