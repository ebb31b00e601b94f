# The secrets, without their values: a person, or a company's secret manager, adds
# the versions, so that neither this state nor a plan holds a value. The output
# secrets_to_fill prints the commands.
locals {
  secrets = {
    HUBSPOT_ACCESS_TOKEN  = "hubspot-access-token"
    HUBSPOT_CLIENT_SECRET = "hubspot-client-secret"
    ZOHO_CLIENT_SECRET    = "zoho-client-secret"
    ZOHO_REFRESH_TOKEN    = "zoho-refresh-token"
    ZOHO_WEBHOOK_TOKEN    = "zoho-webhook-token"
    SENDGRID_API_KEY      = "sendgrid-api-key"
    HASH_KEY              = "hash-key"
  }
}

resource "google_secret_manager_secret" "secret" {
  for_each = local.secrets

  secret_id           = "${var.prefix}-${each.value}"
  labels              = local.labels
  deletion_protection = var.deletion_protection

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}
