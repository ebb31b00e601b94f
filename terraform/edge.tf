# A load balancer with Cloud Armor before the two webhooks, for a domain of your
# own and a rate limit on strangers. It is off while webhook_domain is empty: the
# webhooks verify every caller themselves.
variable "webhook_domain" {
  description = "Domain of the load balancer before the webhooks, such as webhooks.example.com, whose A record you point at the output webhook_address. If empty, there is no load balancer."
  type        = string
  default     = ""

  validation {
    condition     = var.webhook_domain == "" || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.webhook_domain))
    error_message = "webhook_domain is a host name, such as webhooks.example.com, without https:// and without a path."
  }
}

variable "webhook_requests_per_minute" {
  description = "Requests a minute from one address before Cloud Armor answers 429."
  type        = number
  default     = 6000

  validation {
    condition     = var.webhook_requests_per_minute >= 600
    error_message = "webhook_requests_per_minute is 600 at least, such as 6000: HubSpot sends from few addresses, and repeats a refused request for a day only."
  }
}

locals {
  edge           = var.webhook_domain == "" ? toset([]) : toset(["edge"])
  edge_functions = { for entry_point, f in local.functions : entry_point => f if f.invoked_by == "anyone" && var.webhook_domain != "" }
  # The addresses of the webhooks, as the CRMs use them.
  webhooks = { for entry_point, f in local.functions :
    entry_point => var.webhook_domain == "" ? local.urls[entry_point] : "https://${var.webhook_domain}/${entry_point}" if f.invoked_by == "anyone"
  }
}

resource "google_project_service" "compute" {
  for_each = local.edge

  service            = "compute.googleapis.com"
  disable_on_destroy = false
}

resource "google_compute_security_policy" "edge" {
  for_each = local.edge

  name = "${var.prefix}-webhooks"

  rule {
    action   = "throttle"
    priority = 1000
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"
      rate_limit_threshold {
        count        = var.webhook_requests_per_minute
        interval_sec = 60
      }
    }
  }

  rule {
    action   = "allow"
    priority = 2147483647
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }

  depends_on = [google_project_service.compute]
}

resource "google_compute_region_network_endpoint_group" "edge" {
  for_each = local.edge_functions

  name                  = "${var.prefix}-${each.value.name}"
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = module.function[each.key].function.name
  }

  depends_on = [google_project_service.compute]
}

resource "google_compute_backend_service" "edge" {
  for_each = local.edge_functions

  name                  = "${var.prefix}-${each.value.name}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.edge["edge"].id

  backend {
    group = google_compute_region_network_endpoint_group.edge[each.key].id
  }

  log_config {
    enable = false # a URL of Zoho's may hold its token
  }
}

resource "google_compute_url_map" "edge" {
  for_each = local.edge

  name            = "${var.prefix}-webhooks"
  default_service = google_compute_backend_service.edge["HubSpotWebhook"].id

  host_rule {
    hosts        = [var.webhook_domain]
    path_matcher = "webhooks"
  }

  path_matcher {
    name            = "webhooks"
    default_service = google_compute_backend_service.edge["HubSpotWebhook"].id

    dynamic "path_rule" {
      for_each = local.edge_functions
      content {
        paths   = ["/${path_rule.key}"]
        service = google_compute_backend_service.edge[path_rule.key].id
      }
    }
  }
}

resource "google_compute_managed_ssl_certificate" "edge" {
  for_each = local.edge

  name = "${var.prefix}-webhooks"

  managed {
    domains = [var.webhook_domain]
  }

  depends_on = [google_project_service.compute]
}

resource "google_compute_target_https_proxy" "edge" {
  for_each = local.edge

  name             = "${var.prefix}-webhooks"
  url_map          = google_compute_url_map.edge["edge"].id
  ssl_certificates = [google_compute_managed_ssl_certificate.edge["edge"].id]
}

resource "google_compute_global_address" "edge" {
  for_each = local.edge

  name = "${var.prefix}-webhooks"

  depends_on = [google_project_service.compute]
}

resource "google_compute_global_forwarding_rule" "edge" {
  for_each = local.edge

  name                  = "${var.prefix}-webhooks"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.edge["edge"].id
  port_range            = "443"
  target                = google_compute_target_https_proxy.edge["edge"].id
}

output "webhook_address" {
  description = "Address for the A record of webhook_domain; null without a load balancer."
  value       = one([for address in google_compute_global_address.edge : address.address])
}
