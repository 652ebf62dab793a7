"""A schema whose every kind of definition is printed by PostgreSQL otherwise than it is read again."""

from __future__ import annotations

SETTLING = """
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE DOMAIN small AS integer DEFAULT -(5) CONSTRAINT small_range CHECK (VALUE BETWEEN -9 AND 9 AND VALUE <> 3);
CREATE TABLE visit (
    visit_id int PRIMARY KEY,
    a int DEFAULT -(5),
    b int,
    c int,
    status varchar(10),
    during int4range,
    CONSTRAINT visit_range CHECK (a BETWEEN 1 AND 5 AND b > 0),
    CONSTRAINT visit_rows CHECK ((a, b, c) NOT IN ((1, 2, 3), (2, 3, 4), (3, 4, 5))),
    CONSTRAINT visit_status CHECK (status IN ('open', 'it''s', E'o\\\\ff')),
    CONSTRAINT visit_apart EXCLUDE USING gist (during WITH &&) WHERE (a BETWEEN 1 AND 5 AND b > 0),
    is_small boolean GENERATED ALWAYS AS (a BETWEEN 1 AND 5 AND b > 0) STORED
);
ALTER TABLE visit ADD CONSTRAINT visit_later CHECK (b BETWEEN 1 AND 5 AND c > 0) NOT VALID;
CREATE TRIGGER visit_changed BEFORE UPDATE ON visit FOR EACH ROW
    WHEN ((OLD.a, OLD.b, OLD.c) IS DISTINCT FROM (NEW.a, NEW.b, NEW.c)) EXECUTE FUNCTION note();
CREATE INDEX visit_small ON visit ((a BETWEEN 1 AND 5 AND b > 0)) WHERE status IN ('open', 'off');
CREATE INDEX visit_row ON visit (b) WHERE (a, b, c) IS DISTINCT FROM (1, 2, 3);
CREATE STATISTICS visit_statistics ON (a BETWEEN 1 AND 5 AND b > 0), c FROM visit;
CREATE RULE visit_kept AS ON DELETE TO visit WHERE OLD.a BETWEEN 1 AND 5 AND OLD.b > 0 DO INSTEAD NOTHING;
CREATE POLICY visit_own ON visit USING (a BETWEEN 1 AND 5 AND b > 0) WITH CHECK (status IN ('open', 'off'));
CREATE VIEW visit_open AS SELECT a, b, status IN ('open', 'off') AS is_open FROM visit WHERE a BETWEEN 1 AND 5 AND b > 0;
CREATE VIEW visit_defaults AS SELECT a FROM visit;
ALTER VIEW visit_defaults ALTER a SET DEFAULT -(5);
CREATE MATERIALIZED VIEW visit_kinds AS SELECT a, b FROM visit WHERE (a, b, c) IN ((1, 2, b), (2, 3, a), (3, 4, 5));
CREATE FUNCTION is_small(a int, b int DEFAULT -(5)) RETURNS boolean RETURN a BETWEEN 1 AND 5 AND b > 0;
CREATE FUNCTION small_count() RETURNS bigint BEGIN ATOMIC
    SELECT count(*) FROM visit WHERE a BETWEEN 1 AND 5 AND CASE WHEN b > 0 THEN c > 0 ELSE status IN ('open', 'off') END;
END;
CREATE PROCEDURE tidy() BEGIN ATOMIC
    DELETE FROM visit WHERE (a, b, c) IS DISTINCT FROM (1, 2, 3) AND a BETWEEN 1 AND 5;
END;
CREATE TABLE part (a int, b int, CONSTRAINT part_range CHECK (a BETWEEN 1 AND 5 AND b > 0))
    PARTITION BY LIST ((a BETWEEN 1 AND 5 AND b > 0));
CREATE TABLE part_small PARTITION OF part FOR VALUES IN (true);
"""
"""Each is read as nested ANDs or ORs, or with a cast of a whole array, and printed so; reading that makes them flat."""

PUBLISHED = """
SET client_min_messages TO error;
CREATE PUBLICATION visits FOR TABLE visit WHERE (visit_id BETWEEN 1 AND 5 AND visit_id <> 3) WITH (publish = 'insert');
"""
"""Row filters exist since PostgreSQL 15."""
