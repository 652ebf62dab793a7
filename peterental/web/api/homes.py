"""Operations on homes, which are read only: the catalogue has one place where it is kept."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from peterental.properties.model import PropertyFilter
from peterental.properties.service import PAGE_SIZE
from peterental.web.api.cursors import page_cursor, page_of
from peterental.web.api.documents import HomeDocument, HomeList, HomesQuery, hours_documents
from peterental.web.api.operations import Answer, Call, Operation

if TYPE_CHECKING:
    from peterental.properties.model import Property


def listing(call: Call) -> Answer:
    """Return homes."""
    query: HomesQuery = call.query
    page = page_of(query.cursor)
    wanted = PropertyFilter(text=query.q, status=query.status, bedrooms=query.bedrooms)
    found = call.services.properties.list_page(call.viewer, wanted, page=page)
    return Answer(
        document=HomeList(
            data=[_document(home) for home in found.homes],
            next_cursor=page_cursor(page, has_more=found.total > page * PAGE_SIZE),
        )
    )


def get(call: Call) -> Answer:
    """Return a home."""
    return Answer(document=_document(call.services.properties.get(call.path["home_id"], call.viewer)))


def _document(home: Property) -> HomeDocument:
    return HomeDocument(
        home_id=home.property_id,
        label=home.label,
        address=home.address,
        unit=home.unit,
        city=home.city,
        state=home.state,
        zip_code=home.zip_code,
        bedrooms=home.bedrooms,
        bathrooms=None if home.bathrooms is None else float(home.bathrooms),
        rent=home.rent,
        available_on=home.available_on,
        status=home.status,
        showing_minutes=home.showing_minutes,
        notice_minutes=home.notice_minutes,
        hours=hours_documents(home.windows),
        shown_by=sorted(home.shown_by),
        source=home.source,
        source_id=home.source_id,
        updated_at=home.updated_at and home.updated_at.astimezone(UTC),
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/homes",
        name="listHomes",
        summary="List the homes of the catalogue",
        run=listing,
        document=HomeList,
        query=HomesQuery,
    ),
    Operation(
        method="GET",
        path="/homes/{home_id}",
        name="getHome",
        summary="Get a home",
        run=get,
        document=HomeDocument,
        problems=("home_not_found",),
    ),
)
