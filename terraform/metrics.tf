# Metrics that count log entries, by the message and the fields that the code logs.
# A test compares this table with the code, so it holds only literals.
#
#   message  the message of the entry
#   labels   fields by which the count is split
#   value    a field whose values are distributed over buckets, instead of a count
locals {
  log_metrics = {
    operations           = { message = "operation applied", labels = ["outcome"], value = "" }
    behind               = { message = "operation applied", labels = [], value = "behind_ms" }
    given_up             = { message = "operation given up", labels = ["code"], value = "" }
    held                 = { message = "message not acknowledged", labels = ["class", "origin"], value = "" }
    deliveries           = { message = "delivery accepted", labels = [], value = "operations" }
    refused              = { message = "delivery refused", labels = [], value = "" }
    not_published        = { message = "delivery not published", labels = [], value = "" }
    not_set_up           = { message = "function is not set up", labels = ["function"], value = "" }
    token_refreshed      = { message = "zoho_token_refreshed", labels = [], value = "" }
    token_refresh_failed = { message = "zoho_token_refresh_failed", labels = ["code"], value = "" }
    channel_kept         = { message = "zoho_channel", labels = [], value = "" }
    channel_not_kept     = { message = "zoho_channel_not_kept", labels = [], value = "" }
    digest               = { message = "failure digest", labels = ["outcome"], value = "" }
    mass_clear           = { message = "mass clear held", labels = [], value = "" }
    swept                = { message = "reconciled", labels = ["stopped"], value = "" }
  }

  # The metrics' types, as filters name them.
  log_metric_types = { for key, metric in google_logging_metric.log : key => "logging.googleapis.com/user/${metric.name}" }
}

resource "google_logging_metric" "log" {
  for_each = local.log_metrics

  name = "${var.prefix}-${replace(each.key, "_", "-")}"
  filter = join(" AND ", [
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=~\"^${var.prefix}-\"",
    "jsonPayload.message=\"${each.value.message}\"",
  ])

  value_extractor  = each.value.value == "" ? null : "EXTRACT(jsonPayload.${each.value.value})"
  label_extractors = { for label in each.value.labels : label => "EXTRACT(jsonPayload.${label})" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = each.value.value == "" ? "INT64" : "DISTRIBUTION"
    unit        = endswith(each.value.value, "_ms") ? "ms" : "1"

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key = labels.value
      }
    }
  }

  dynamic "bucket_options" {
    for_each = each.value.value == "" ? [] : [1]
    content {
      exponential_buckets {
        num_finite_buckets = 24
        growth_factor      = 2
        scale              = 1
      }
    }
  }

  depends_on = [google_project_service.api]
}
