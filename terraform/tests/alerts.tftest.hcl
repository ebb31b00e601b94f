# Metrics, alerts and the budget.
mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  project           = "acme-crm"
  package_directory = "./tests/upload"
  hubspot_app_id    = "39522895"
  hubspot_portal_id = "48975575"
  zoho_client_id    = "1000.ABCDEF"
  failure_mail_from = "connector@example.com"
  failure_mail_to   = ["operator@example.com", "second@example.com"]
  mapping_yaml      = "objects: {}"
  console_people    = ["group:operators@example.com"]
}

run "every_alert_names_its_playbook_and_reaches_a_person" {
  command = apply

  variables {
    alert_emails    = ["operator@example.com"]
    billing_account = "012345-6789AB-CDEF01"
  }

  assert {
    condition = alltrue([for name, alert in google_monitoring_alert_policy.alert :
      alert.documentation[0].links[0].url == "https://github.com/hubspot-zoho/connector/blob/main/docs/playbooks/${name}.md" &&
      strcontains(alert.documentation[0].content, "/${name}.md") &&
      length(alert.notification_channels) == 1 &&
      length(alert.conditions[0].condition_threshold) + length(alert.conditions[0].condition_absent) == 1
    ])
    error_message = "An alert has no playbook, no receiver, or not exactly one condition."
  }
  assert {
    condition     = alltrue([for alert in google_monitoring_alert_policy.alert : length(regexall("connector-", jsonencode(alert.conditions))) > 0])
    error_message = "An alert looks at more than this environment."
  }
  assert {
    condition     = one([for b in google_billing_budget.month : b.amount[0].specified_amount[0].units]) == "100"
    error_message = "The budget has another amount."
  }
}

run "every_metric_counts_one_message_of_this_environment" {
  command = apply

  assert {
    condition = alltrue([for key, metric in google_logging_metric.log :
      metric.filter == "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=~\"^connector-\" AND jsonPayload.message=\"${local.log_metrics[key].message}\"" &&
      jsonencode(keys(metric.label_extractors)) == jsonencode(sort(local.log_metrics[key].labels)) &&
      startswith(metric.name, "connector-")
    ])
    error_message = "A metric counts something else than its entry says."
  }
  assert {
    condition     = length(google_billing_budget.month) == 0
    error_message = "A budget is made without a billing account."
  }
  assert {
    condition     = alltrue([for chart in jsondecode(google_monitoring_dashboard.overview.dashboard_json).mosaicLayout.tiles : strcontains(chart.widget.xyChart.dataSets[0].timeSeriesQuery.timeSeriesFilter.filter, "connector-")])
    error_message = "A chart shows the data of another environment."
  }
}

run "wrong_variables_of_alerts_are_refused" {
  command = plan

  variables {
    alert_emails    = ["not-an-address"]
    playbooks_url   = "docs/playbooks/"
    billing_account = "my account"
    monthly_budget  = 0
  }

  expect_failures = [var.alert_emails, var.playbooks_url, var.billing_account, var.monthly_budget]
}
