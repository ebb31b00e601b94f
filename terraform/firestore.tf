resource "google_firestore_database" "this" {
  name        = var.prefix
  location_id = var.region
  type        = "FIRESTORE_NATIVE"
  # An operator's mistake can be undone for seven days.
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = "DELETE"

  depends_on = [google_project_service.api]
}

resource "google_firestore_backup_schedule" "daily" {
  database  = google_firestore_database.this.name
  retention = "1209600s" # 14 days

  daily_recurrence {}
}

# Fields that no query uses. Firestore would write an index entry for each of them
# with every link. An index on an ever-growing time would limit the whole
# collection to about 500 writes a second.
locals {
  unindexed = {
    links    = ["id", "fields", "sides", "decisions", "lease", "hash_id", "deleted_on", "deleted_at", "known_companies", "fan_out_pending"]
    failures = ["first_seen", "mailed_at", "operations", "message", "repeated_at", "repeats", "resolved_at"]
    stats    = ["cells", "latest", "quotas", "instance"]
  }
  unindexed_fields = merge([for collection, fields in local.unindexed : { for field in fields : "${collection}.${field}" => { collection = collection, field = field } }]...)

  # Collections whose field expire_at says when a document may be deleted.
  expiring = ["failures", "stats", "suppressions"]
}

resource "google_firestore_field" "unindexed" {
  for_each = local.unindexed_fields

  database   = google_firestore_database.this.name
  collection = each.value.collection
  field      = each.value.field

  index_config {}
}

resource "google_firestore_field" "expires" {
  for_each = toset(local.expiring)

  database   = google_firestore_database.this.name
  collection = each.value
  field      = "expire_at"

  ttl_config {}
  index_config {}
}
