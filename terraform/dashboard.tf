# The dashboard. Each chart is a title and a query.
locals {
  charts = [
    { title = "Oldest waiting operation (s)", filter = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND ${local.of_subscription}", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", by = "resource.label.subscription_id" },
    { title = "Operations by outcome", filter = local.logged["operations"], aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = "metric.label.outcome" },
    { title = "Time from event to completion, p95 (ms)", filter = local.logged["behind"], aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_95", by = "resource.label.service_name" },
    { title = "Messages that come again, by origin", filter = local.logged["held"], aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = "metric.label.origin" },
    { title = "Operations given up, by code", filter = local.logged["given_up"], aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = "metric.label.code" },
    { title = "Deliveries refused", filter = local.logged["refused"], aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = "resource.label.service_name" },
    { title = "Requests by function and status", filter = "metric.type=\"run.googleapis.com/request_count\" AND ${local.of_function}", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = "metric.label.response_code_class" },
    { title = "Instances", filter = "metric.type=\"run.googleapis.com/container/instance_count\" AND ${local.of_function}", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = "resource.label.service_name" },
  ]
}

resource "google_monitoring_dashboard" "overview" {
  dashboard_json = jsonencode({
    displayName = "${var.prefix}: HubSpot and Zoho"
    mosaicLayout = {
      columns = 12
      tiles = [for i, chart in local.charts : {
        xPos   = i % 2 * 6
        yPos   = floor(i / 2) * 4
        width  = 6
        height = 4
        widget = {
          title = chart.title
          xyChart = {
            dataSets = [{
              plotType = "LINE"
              timeSeriesQuery = {
                timeSeriesFilter = {
                  filter = chart.filter
                  aggregation = {
                    alignmentPeriod    = "300s"
                    perSeriesAligner   = chart.aligner
                    crossSeriesReducer = chart.reducer
                    groupByFields      = [chart.by]
                  }
                }
              }
            }]
          }
        }
      }]
    }
  })

  depends_on = [google_project_service.api]
}
