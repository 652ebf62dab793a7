"""The end of every statement that looks for an agent by its `AgentKey`: features' own statements say what they want."""

# Databases of the earlier system may hold UUIDs in capitals, which Vapi's messages never are in.
WHERE_VAPI_KEY = """
    WHERE vapi_assistant_id IN (%(assistant_id)s::text, UPPER(%(assistant_id)s::text))
        OR phone_number_id IN (%(phone_number_id)s::text, UPPER(%(phone_number_id)s::text))
    ORDER BY (vapi_assistant_id = %(assistant_id)s::text) IS TRUE DESC,
             (vapi_assistant_id = UPPER(%(assistant_id)s::text)) IS TRUE DESC,
             (phone_number_id = %(phone_number_id)s::text) IS TRUE DESC
    LIMIT 1
"""
