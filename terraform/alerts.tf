# The alerts. Each has a page of the same name in docs/playbooks; a test compares
# the two.
variable "alert_emails" {
  description = "Addresses that receive alerts. If empty, only Google Cloud's console shows them."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for a in var.alert_emails : can(regex("^[^@\\s,]+@[^@\\s,]+\\.[^@\\s,]+$", a))])
    error_message = "alert_emails holds addresses, such as operator@example.com, one in each element."
  }
}

variable "playbooks_url" {
  description = "Address of the pages of docs/playbooks."
  type        = string
  default     = "https://github.com/hubspot-zoho/connector/blob/main/docs/playbooks"

  validation {
    condition     = can(regex("^https://.*[^/]$", var.playbooks_url))
    error_message = "playbooks_url is the address of the pages of docs/playbooks, such as https://example.com/playbooks, without a slash at the end."
  }
}

variable "billing_account" {
  description = "Billing account of the project, such as 012345-6789AB-CDEF01, for an alert on the cost. If empty, there is no such alert."
  type        = string
  default     = ""

  validation {
    condition     = var.billing_account == "" || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.billing_account))
    error_message = "billing_account is the id that the billing console shows, such as 012345-6789AB-CDEF01, or empty."
  }
}

variable "monthly_budget" {
  description = "Monthly cost above which an alert is sent, in whole units of the billing account's currency. It stops nothing."
  type        = number
  default     = 100

  validation {
    condition     = var.monthly_budget >= 1 && floor(var.monthly_budget) == var.monthly_budget
    error_message = "monthly_budget is a whole number from 1, such as 100, in the currency of the billing account."
  }
}

locals {
  of_function     = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=monitoring.regex.full_match(\"${var.prefix}-.*\")"
  of_subscription = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=monitoring.regex.full_match(\"${var.prefix}-.*\")"
  logged          = { for key, type in local.log_metric_types : key => "metric.type=\"${type}\" AND ${local.of_function}" }

  # above: the alert fires at more than this many in a window. missing: it fires
  # when there is none in so many seconds.
  alerts = {
    messages-wait = {
      says     = "an operation has waited for 15 minutes"
      severity = "CRITICAL"
      filter   = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND ${local.of_subscription}"
      above    = 900
      window   = 300
      aligner  = "ALIGN_MAX"
    }
    dead-letters = {
      says     = "Pub/Sub gave operations up"
      severity = "ERROR"
      filter   = "metric.type=\"pubsub.googleapis.com/subscription/dead_letter_message_count\" AND ${local.of_subscription}"
      above    = 0
      window   = 600
      aligner  = "ALIGN_DELTA"
    }
    server-errors = {
      says     = "a webhook or a job answers with 5xx"
      severity = "ERROR"
      # A consumer's 503 asks for a message again; messages-wait fires when that persists.
      filter  = "metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\" AND ${local.of_function} AND NOT resource.labels.service_name=monitoring.regex.full_match(\"${var.prefix}-.*-consumer\")"
      above   = 5
      window  = 600
      aligner = "ALIGN_DELTA"
    }
    operations-parked = {
      says     = "many operations were parked and wait for a person"
      severity = "WARNING"
      filter   = "${local.logged["operations"]} AND metric.labels.outcome=\"parked\""
      above    = 20
      window   = 3600
      aligner  = "ALIGN_DELTA"
    }
    operations-given-up = {
      says     = "operations were given up"
      severity = "ERROR"
      filter   = local.logged["given_up"]
      above    = 0
      window   = 3600
      aligner  = "ALIGN_DELTA"
    }
    daily-quota = {
      says     = "a CRM's quota is used up and operations wait for it"
      severity = "ERROR"
      filter   = "${local.logged["held"]} AND metric.labels.origin=\"quota\" AND metric.labels.class=\"stop\""
      above    = 0
      window   = 600
      aligner  = "ALIGN_DELTA"
    }
    credentials = {
      says     = "a CRM refuses the connector's credentials or rights: everything waits"
      severity = "CRITICAL"
      filter   = "${local.logged["held"]} AND metric.labels.origin=monitoring.regex.full_match(\"credentials|permission\")"
      above    = 0
      window   = 600
      aligner  = "ALIGN_DELTA"
    }
    zoho-token = {
      says     = "Zoho's access token was not renewed for 75 minutes: it lives for 60"
      severity = "CRITICAL"
      filter   = local.logged["token_refreshed"]
      missing  = 4500
      aligner  = "ALIGN_DELTA"
    }
    zoho-channel = {
      says     = "Zoho's notification channel was not renewed for 6 hours: it ends within a week"
      severity = "ERROR"
      filter   = local.logged["channel_kept"]
      missing  = 21600
      aligner  = "ALIGN_DELTA"
    }
    deliveries-refused = {
      says     = "webhooks are refused: a secret differs, or a stranger sends them"
      severity = "ERROR"
      filter   = local.logged["refused"]
      above    = 20
      window   = 600
      aligner  = "ALIGN_DELTA"
    }
    not-set-up = {
      says     = "the configuration of a function is incomplete"
      severity = "CRITICAL"
      filter   = local.logged["not_set_up"]
      above    = 0
      window   = 300
      aligner  = "ALIGN_DELTA"
    }
    mail-not-sent = {
      says     = "for 4 hours no mail was sent, and the list was not found empty"
      severity = "ERROR"
      filter   = local.logged["digest"]
      missing  = 14400
      aligner  = "ALIGN_DELTA"
    }
    mass-change = {
      says     = "the sweep stopped before a mass change: a person must check it"
      severity = "ERROR"
      filter   = "${local.logged["swept"]} AND metric.labels.stopped=\"mass_change\""
      above    = 0
      window   = 600
      aligner  = "ALIGN_DELTA"
    }
    mass-clear = {
      says     = "clears on more than half of all records are held: a person must check them"
      severity = "ERROR"
      filter   = local.logged["mass_clear"]
      above    = 0
      window   = 600
      aligner  = "ALIGN_DELTA"
    }
    sweep-missing = {
      says     = "for an hour no sweep looked for changes that webhooks missed"
      severity = "ERROR"
      filter   = local.logged["swept"]
      missing  = 3600
      aligner  = "ALIGN_DELTA"
    }
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alert_emails)

  type         = "email"
  display_name = "${var.prefix}: ${each.value}"
  labels       = { email_address = each.value }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_alert_policy" "alert" {
  for_each = local.alerts

  display_name          = "${var.prefix}: ${each.value.says}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  user_labels           = local.labels

  conditions {
    display_name = each.value.says

    dynamic "condition_threshold" {
      for_each = can(each.value.above) ? [each.value] : []
      content {
        filter          = condition_threshold.value.filter
        comparison      = "COMPARISON_GT"
        threshold_value = condition_threshold.value.above
        duration        = "0s"
        aggregations {
          alignment_period     = "${condition_threshold.value.window}s"
          per_series_aligner   = condition_threshold.value.aligner
          cross_series_reducer = condition_threshold.value.aligner == "ALIGN_MAX" ? "REDUCE_MAX" : "REDUCE_SUM"
        }
      }
    }

    dynamic "condition_absent" {
      for_each = can(each.value.missing) ? [each.value] : []
      content {
        filter   = condition_absent.value.filter
        duration = "${condition_absent.value.missing}s"
        aggregations {
          alignment_period     = "600s"
          per_series_aligner   = condition_absent.value.aligner
          cross_series_reducer = "REDUCE_SUM"
        }
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "The playbook explains the alert and its remedy: ${var.playbooks_url}/${each.key}.md"
    links {
      display_name = "Playbook"
      url          = "${var.playbooks_url}/${each.key}.md"
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

resource "google_project_service" "budget" {
  for_each = var.billing_account == "" ? toset([]) : toset(["billingbudgets.googleapis.com"])

  service            = each.value
  disable_on_destroy = false
}

# See docs/playbooks/budget.md.
resource "google_billing_budget" "month" {
  for_each = google_project_service.budget

  billing_account = var.billing_account
  display_name    = "${var.prefix}: a month (see ${var.playbooks_url}/budget.md)"

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
    labels   = { environment = var.prefix }
  }

  amount {
    specified_amount {
      units = var.monthly_budget
    }
  }

  threshold_rules {
    threshold_percent = 0.5
  }
  threshold_rules {
    threshold_percent = 1
  }
  threshold_rules {
    threshold_percent = 1
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    monitoring_notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  }
}
