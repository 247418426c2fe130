/// The whole vocabulary. `systemd/navette.catalog` and `docs/events.md` hold the same list; a test keeps the three equal.
public enum EventKind: String, Hashable, Sendable, CaseIterable {
  case agentStarted = "agent_started", agentStopping = "agent_stopping"
  case agentCrashed = "agent_crashed", agentInterrupted = "agent_interrupted", inHandFailed = "in_hand_failed"
  case configReloaded = "config_reloaded", configRefused = "config_refused"
  case dropSeen = "drop_seen", dropWaiting = "drop_waiting", dropHandedOver = "drop_handed_over"
  case dropDuplicate = "drop_duplicate", dropQuarantined = "drop_quarantined", dropHeld = "drop_held"
  case dropReleased = "drop_released", dropDamaged = "drop_damaged", lateWrite = "late_write"
  case rowsRejected = "rows_rejected"
  case feedLate = "feed_late", feedEarly = "feed_early", feedExtra = "feed_extra", feedEmpty = "feed_empty"
  case feedMissing = "feed_missing", feedArrived = "feed_arrived", leaversAbsent = "leavers_absent"
  case columnsKept = "columns_kept"
  case logWaiting = "log_waiting", sourceGap = "source_gap", segmentRotated = "segment_rotated"
  case batchSealed = "batch_sealed", batchConfirmed = "batch_confirmed", uploadRetry = "upload_retry", batchHeld =
    "batch_held", batchPurged = "batch_purged", batchDamaged = "batch_damaged"
  case transferStalled = "transfer_stalled"
  case renameUnmatched = "rename_unmatched", schemaChanged = "schema_changed"
  case credentialRefused = "credential_refused", credentialExpiring = "credential_expiring"
  case wrongEndpoint = "wrong_endpoint", storeUnproven = "store_unproven"
  case lanePaused = "lane_paused", laneResumed = "lane_resumed"
  case spoolFull = "spool_full", diskLow = "disk_low", watchOverflow = "watch_overflow"
  case clockDoubted = "clock_doubted"
  case ledgerRebuilt = "ledger_rebuilt", placeSwept = "place_swept"
  case metricsFailed = "metrics_failed"
}

/// syslog's levels, as far as we use them.
public enum Priority: Int, Hashable, Sendable {
  case error = 3, warning = 4, notice = 5, info = 6
}
