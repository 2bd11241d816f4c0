-- Least power in PostgreSQL: run as the owner of the database after each `hub db upgrade` (docs/operations.md).
-- The owner migrates and runs `hub agencies …`; every other process connects as a login that is in hub_process:
--   CREATE ROLE hub_api LOGIN IN ROLE hub_process;   \password hub_api
-- hub_process can add to the history but neither change nor remove it.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hub_process') THEN
        CREATE ROLE hub_process NOLOGIN;
    END IF;
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO hub_process;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO hub_process;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO hub_process;

GRANT INSERT ON
    consignments, deliveries, statuses, receipts, events, outbox, heartbeats, audit
    TO hub_process;
GRANT UPDATE ON consignments, deliveries, heartbeats TO hub_process;
GRANT UPDATE (to_tally) ON events TO hub_process;             -- counted once
GRANT UPDATE (inbox_position) ON agencies TO hub_process;     -- the next place in an inbox
GRANT DELETE ON outbox, heartbeats TO hub_process;
GRANT INSERT ON evidence, evidence_sources, consignment_evidence, seals TO hub_process;
GRANT UPDATE ON evidence_sources TO hub_process;
GRANT UPDATE (fetched_at, source) ON evidence TO hub_process;    -- seen again; also locks what a verdict relies on
GRANT DELETE ON evidence, evidence_sources TO hub_process;       -- superseded and never relied on
GRANT UPDATE (seal, leaf) ON receipts TO hub_process;            -- into a seal, once
GRANT UPDATE (token, stamped_at, next_stamp_at, stamp_failures, last_error) ON seals TO hub_process;
GRANT INSERT ON documents, conversation_turns, duties, arrival_counters, notices, radar_marks TO hub_process;
GRANT UPDATE ON documents, duties, arrival_counters, radar_marks TO hub_process;
GRANT UPDATE (to_inform, consignment_id) ON statuses TO hub_process;   -- its message is written
GRANT UPDATE (attempts, next_attempt_at, sent_at, given_up_at, last_error) ON notices TO hub_process;
GRANT UPDATE (first_seen_at, last_seen_at) ON agencies TO hub_process;
GRANT INSERT ON cells, counted, tallies, totals, late_movements, signers, declarations TO hub_process;
GRANT UPDATE ON counted, tallies, totals, late_movements, signers TO hub_process;
GRANT DELETE ON counted TO hub_process;                                -- a copy that does not count any more
GRANT INSERT ON kept_reports, report_mails TO hub_process;
GRANT UPDATE (next_day) ON report_schedules TO hub_process;            -- the next period; the rest is the owner's
GRANT UPDATE (attempts, next_attempt_at, sent_at, last_error) ON report_mails TO hub_process;
GRANT DELETE ON notices, radar_marks TO hub_process;                   -- old notices, marks of what moves again
