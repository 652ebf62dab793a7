"""SQL fragments that read the tables of homes, and parsing of their rows.

A phone call may take two round trips, so its statements read the homes together with the schedule and the bookings. The
parts that read the tables of homes are written here, because this feature owns them.
"""

from __future__ import annotations

HOME_LABEL = """
    CASE WHEN appointments.property_id IS NOT NULL THEN (
        SELECT line1 || CASE
            WHEN COALESCE(unit, '') = '' THEN ''
            WHEN strpos(unit, ' ') > 0 OR starts_with(unit, '#') THEN ', ' || unit
            ELSE ', Unit ' || unit
        END
        FROM properties
        WHERE properties.property_id = appointments.property_id
    ) END
"""
"""An expression on the row `appointments`: `Property.label` of its home; NULL without one. Costs nothing then."""
