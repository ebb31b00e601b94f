resource "google_cloud_scheduler_job" "job" {
  for_each = { for entry_point, f in local.functions : entry_point => f if can(f.schedule) }

  name             = "${var.prefix}-${each.value.name}"
  region           = var.region
  schedule         = each.value.schedule
  time_zone        = var.time_zone
  attempt_deadline = "${each.value.timeout + 10}s"

  # A job may run twice; all jobs tolerate that.
  retry_config {
    retry_count          = 3
    min_backoff_duration = "20s"
    max_backoff_duration = "300s"
    max_doublings        = 3
  }

  http_target {
    http_method = "POST"
    uri         = module.function[each.key].uri

    oidc_token {
      service_account_email = google_service_account.schedule.email
      audience              = module.function[each.key].uri
    }
  }
}
