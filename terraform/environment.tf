# The values of all variables that the functions read, by name. An empty variable
# is not set. A secret's value is the name of its newest version, which the
# function fetches itself: neither the state nor the function's description holds
# the secret, and a new version needs no deployment.
locals {
  labels = { app = "hubspot-zoho-connector", environment = var.prefix }

  environment = merge({
    GOOGLE_CLOUD_PROJECT       = var.project
    FIRESTORE_DATABASE         = google_firestore_database.this.name
    HUBSPOT_API_URL            = "https://api.hubapi.com"
    HUBSPOT_API_VERSION        = var.hubspot_api_version
    HUBSPOT_APP_ID             = var.hubspot_app_id
    HUBSPOT_PORTAL_ID          = var.hubspot_portal_id
    HUBSPOT_PAGES_URL          = var.hubspot_pages_url
    HUBSPOT_WEBHOOK_URL        = local.webhooks["HubSpotWebhook"]
    HUBSPOT_SIGNATURE_VERSIONS = join(",", var.hubspot_signature_versions)
    ZOHO_ACCOUNTS_URL          = var.zoho_accounts_url
    ZOHO_CLIENT_ID             = var.zoho_client_id
    ZOHO_WEBHOOK_URL           = local.webhooks["ZohoWebhook"]
    ZOHO_TOKEN_URL             = local.urls["GetZohoToken"]
    SENDGRID_URL               = var.sendgrid_url
    FAILURE_MAIL_FROM          = var.failure_mail_from
    FAILURE_MAIL_TO            = join(",", var.failure_mail_to)
    FAILURE_MAIL_HEARTBEAT     = var.failure_mail_heartbeat ? "on" : "off"
    MAPPING_YAML               = var.mapping_yaml
    CALL_BATCHING              = var.call_batching ? "on" : "off"
    CRM_QUOTA_SHARE            = format("%.3f", 1 / var.consumer_instances)
    CONSOLE_ACCESS             = "iam"

    OTEL_EXPORTER_OTLP_ENDPOINT = var.telemetry ? "https://telemetry.googleapis.com" : ""
    },
    { for name, topic in google_pubsub_topic.topic : name => topic.name },
    { for name, secret in google_secret_manager_secret.secret : name => "projects/${var.project}/secrets/${secret.secret_id}/versions/latest" },
  )
}
