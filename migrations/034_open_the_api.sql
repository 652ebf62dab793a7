-- Migration 034: Open the API
-- Purpose: Tokens for the office's own tools, requests that count once, and webhooks that report changes of viewings
-- Created: 2026-11-30

-- =============================================================================
-- TOKENS
-- =============================================================================

CREATE TABLE IF NOT EXISTS api_tokens (
    token_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    scope TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    expires_at TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ,
    revoked_by TEXT,

    CONSTRAINT api_tokens_once UNIQUE (token_hash),
    CONSTRAINT api_tokens_scope_known CHECK (scope IN ('read', 'book'))
);

CREATE INDEX IF NOT EXISTS idx_api_tokens_user ON api_tokens (user_id, token_id);

COMMENT ON TABLE api_tokens IS 'Tokens with which the office''s own tools use the API on behalf of a user';
COMMENT ON COLUMN api_tokens.prefix IS 'The first characters of the token, by which people recognise it';
COMMENT ON COLUMN api_tokens.token_hash IS 'SHA-256 of the token, which is shown once and stored nowhere';
COMMENT ON COLUMN api_tokens.scope IS 'read: reads; book: reads, books and changes viewings';
COMMENT ON COLUMN api_tokens.last_used_at IS 'Renewed at most once a minute';

CREATE TABLE IF NOT EXISTS api_requests (
    token_id BIGINT NOT NULL REFERENCES api_tokens (token_id) ON DELETE CASCADE,
    request_key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    form_key TEXT NOT NULL,
    runner TEXT NOT NULL,
    running_until TIMESTAMPTZ NOT NULL,
    status INTEGER,
    appointment_id INTEGER REFERENCES appointments (id) ON DELETE CASCADE,
    started_at TIMESTAMPTZ NOT NULL,

    PRIMARY KEY (token_id, request_key)
);

CREATE INDEX IF NOT EXISTS idx_api_requests_age ON api_requests (started_at);
CREATE INDEX IF NOT EXISTS idx_api_requests_appointment ON api_requests (appointment_id);

COMMENT ON TABLE api_requests IS 'Requests with an Idempotency-Key, for a day: the same key changes something once';
COMMENT ON COLUMN api_requests.request_key IS 'The Idempotency-Key that the tool chose';
COMMENT ON COLUMN api_requests.request_hash IS 'SHA-256 of method, path and body: another request may not use the key again';
COMMENT ON COLUMN api_requests.form_key IS 'Under this key a booking is made once, as for a form';
COMMENT ON COLUMN api_requests.runner IS 'Which request does the work, until running_until';
COMMENT ON COLUMN api_requests.status IS 'The HTTP status of the answer; empty while it is not done';

-- =============================================================================
-- WEBHOOKS
-- =============================================================================

CREATE TABLE IF NOT EXISTS webhook_endpoints (
    endpoint_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url TEXT NOT NULL,
    event_types TEXT [] NOT NULL,
    secret TEXT NOT NULL,
    old_secret TEXT,
    old_secret_until TIMESTAMPTZ,
    is_active BOOLEAN DEFAULT TRUE NOT NULL,
    off_reason TEXT,
    failing_since TIMESTAMPTZ,
    leased_until TIMESTAMPTZ,
    created_by TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,
    updated_at TIMESTAMPTZ DEFAULT NOW() NOT NULL,

    CONSTRAINT webhook_endpoints_wants_something CHECK (event_types <> '{}')
);

COMMENT ON TABLE webhook_endpoints IS 'Addresses of the office''s own tools that are told when viewings change';
COMMENT ON COLUMN webhook_endpoints.secret IS 'Signs deliveries, encrypted';
COMMENT ON COLUMN webhook_endpoints.old_secret IS 'Signs too until old_secret_until, after a rotation, encrypted';
COMMENT ON COLUMN webhook_endpoints.off_reason IS 'Why PeteRental turned it off; empty: a person did';
COMMENT ON COLUMN webhook_endpoints.failing_since IS 'Since when no delivery succeeded; empty: the last one did';
COMMENT ON COLUMN webhook_endpoints.leased_until IS 'Until then one process delivers to it';

CREATE TABLE IF NOT EXISTS webhook_deliveries (
    delivery_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id BIGINT NOT NULL REFERENCES webhook_endpoints (endpoint_id) ON DELETE CASCADE,
    message_id UUID DEFAULT gen_random_uuid() NOT NULL,
    event_type TEXT NOT NULL,
    event_id BIGINT,
    appointment_id INTEGER REFERENCES appointments (id) ON DELETE CASCADE,
    happened_at TIMESTAMPTZ NOT NULL,
    state TEXT DEFAULT 'waiting' NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    next_attempt_at TIMESTAMPTZ NOT NULL,
    attempted_at TIMESTAMPTZ,
    status INTEGER,
    problem TEXT,
    answer TEXT,
    duration_ms INTEGER,
    ended_at TIMESTAMPTZ,

    CONSTRAINT webhook_deliveries_state_known CHECK (state IN ('waiting', 'delivered', 'failed'))
);

CREATE INDEX IF NOT EXISTS idx_webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at)
WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS idx_webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, delivery_id);
CREATE INDEX IF NOT EXISTS idx_webhook_deliveries_appointment ON webhook_deliveries (appointment_id);
CREATE INDEX IF NOT EXISTS idx_webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

COMMENT ON TABLE webhook_deliveries IS 'What endpoints are told, written with the change and delivered by a job';
COMMENT ON COLUMN webhook_deliveries.message_id IS 'webhook-id: the same for every attempt';
COMMENT ON COLUMN webhook_deliveries.event_id IS 'The event of the viewing''s history; empty for a test';
COMMENT ON COLUMN webhook_deliveries.problem IS 'Why the last attempt failed, in a sentence';
COMMENT ON COLUMN webhook_deliveries.answer IS 'The beginning of what the endpoint answered last';

-- Every change of a viewing writes an event. Deliveries and their jobs are committed with it. Where no endpoint exists,
-- one look at an empty table is all that it costs.
CREATE OR REPLACE FUNCTION queue_webhooks_of_event() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    wanted TEXT := 'viewing.' || CASE NEW.kind
        WHEN 'released' THEN 'cancelled'
        WHEN 'reopened' THEN 'restored'
        ELSE NEW.kind
    END;
    endpoint BIGINT;
BEGIN
    FOR endpoint IN
        SELECT endpoint_id FROM webhook_endpoints WHERE is_active AND wanted = ANY (event_types)
    LOOP
        INSERT INTO webhook_deliveries (
            endpoint_id, event_type, event_id, appointment_id, happened_at, next_attempt_at
        )
        VALUES (endpoint, wanted, NEW.event_id, NEW.appointment_id, NEW.happened_at, NEW.happened_at);

        PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
            'deliver_webhooks', 'deliver_webhooks', 0, NULL, NULL, jsonb_build_object('endpoint_id', endpoint), NULL
        )::procrastinate_job_to_defer_v1]);
    END LOOP;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER appointment_events_webhooks
    AFTER INSERT ON appointment_events
    FOR EACH ROW
    WHEN (NEW.kind IN ('booked', 'moved', 'cancelled', 'released', 'reopened', 'completed', 'no_show', 'edited'))
    EXECUTE FUNCTION queue_webhooks_of_event();

INSERT INTO schema_migrations (version, description)
VALUES (34, 'Open the API')
ON CONFLICT (version) DO NOTHING;
