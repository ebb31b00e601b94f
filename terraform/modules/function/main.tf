# One function with an identity of its own. The identity has the rights that the
# variables name, and no others. It needs no role to log.

resource "google_service_account" "this" {
  account_id   = var.name
  display_name = "Function ${var.entry_point}"
}

resource "google_cloudfunctions2_function" "this" {
  name     = var.name
  location = var.region
  labels   = var.labels

  build_config {
    runtime           = "go126"
    entry_point       = var.entry_point
    service_account   = var.build_account_id
    docker_repository = var.repository

    source {
      storage_source {
        bucket = var.source_object.bucket
        object = var.source_object.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.this.email
    available_cpu                    = "1" # with less, an instance takes one request at a time
    available_memory                 = var.memory
    max_instance_request_concurrency = var.concurrency # the default is 1
    min_instance_count               = 0
    max_instance_count               = var.instances
    timeout_seconds                  = var.timeout
    ingress_settings                 = var.ingress
    all_traffic_on_latest_revision   = true
    environment_variables            = merge(var.environment, { GOMEMLIMIT = "200MiB" }) # docs/performance.md: an instance stays below 300 MiB in total
  }

  # A function that starts without its rights fails until they arrive.
  depends_on = [
    google_secret_manager_secret_iam_member.reads,
    google_pubsub_topic_iam_member.publishes,
    google_project_iam_member.database,
  ]
}

resource "google_secret_manager_secret_iam_member" "reads" {
  for_each = var.secrets

  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

resource "google_pubsub_topic_iam_member" "publishes" {
  for_each = var.publishes

  topic  = each.value
  role   = "roles/pubsub.publisher"
  member = google_service_account.this.member
}

resource "google_project_iam_member" "role" {
  for_each = toset(var.roles)

  project = var.project
  role    = each.value
  member  = google_service_account.this.member
}

# The role is granted on the project. The condition confines it to one database, so
# that no environment reaches another's.
resource "google_project_iam_member" "database" {
  count = var.database == null ? 0 : 1

  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.this.member

  condition {
    title      = "database ${var.database}"
    expression = "resource.name == \"projects/${var.project}/databases/${var.database}\""
  }
}
