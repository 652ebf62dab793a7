"""Names of XML elements in WebDAV and CalDAV."""

from __future__ import annotations

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
CALENDARSERVER = "{http://calendarserver.org/ns/}"

DISPLAY_NAME = DAV + "displayname"
RESOURCE_TYPE = DAV + "resourcetype"
PRINCIPAL = DAV + "current-user-principal"
PRIVILEGES = DAV + "current-user-privilege-set"
ETAG = DAV + "getetag"
SYNC_TOKEN = DAV + "sync-token"
SUPPORTED_REPORTS = DAV + "supported-report-set"
SYNC_COLLECTION = DAV + "sync-collection"

HOME_SET = CALDAV + "calendar-home-set"
USER_ADDRESSES = CALDAV + "calendar-user-address-set"
INBOX = CALDAV + "schedule-inbox-URL"
DEFAULT_CALENDAR = CALDAV + "schedule-default-calendar-URL"
CALENDAR = CALDAV + "calendar"
CALENDAR_DATA = CALDAV + "calendar-data"
COMPONENTS = CALDAV + "supported-calendar-component-set"

CTAG = CALENDARSERVER + "getctag"
