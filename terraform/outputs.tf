output "hubspot_webhook_url" {
  description = "Address to enter as targetUrl of the HubSpot app's webhooks, exactly so: HubSpot signs it."
  value       = local.webhooks["HubSpotWebhook"]
}

output "zoho_webhook_url" {
  description = "Address to which Zoho's notification channel, or a workflow's webhook, sends."
  value       = local.webhooks["ZohoWebhook"]
}

output "secrets_to_fill" {
  description = "One command for each secret. Paste the value, then press Ctrl-D."
  value       = { for name, secret in google_secret_manager_secret.secret : name => "gcloud secrets versions add ${secret.secret_id} --project=${var.project} --data-file=-" }
}

output "operator_environment" {
  description = "Environment of the connector's commands, for a shell: eval \"$(terraform output -raw operator_environment)\". It holds secrets by name only."
  value       = join("\n", [for name, value in local.environment : "export ${name}='${replace(value, "'", "'\\''")}'" if value != ""])
}

output "jobs" {
  description = "The jobs of Cloud Scheduler. To run one by hand: gcloud scheduler jobs run NAME --location=REGION."
  value       = [for job in google_cloud_scheduler_job.job : job.name]
}

output "function_urls" {
  description = "Address of each function."
  value       = local.urls
}

output "database" {
  description = "Name of the Firestore database."
  value       = google_firestore_database.this.name
}

output "upload" {
  description = "The zip that is deployed; its name is its hash."
  value       = local.upload
}
