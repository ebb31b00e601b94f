# Several environments in one project, a missing zip, and wrong variables.
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
}

# Prefixes hold no hyphen, so that names that begin with "<prefix>-" are of one
# environment only.
run "every_name_begins_with_the_environment" {
  command = apply

  variables {
    prefix         = "staging"
    webhook_domain = "hooks.example.com"
  }

  assert {
    condition = alltrue([for name in concat(
      [for m in module.function : m.function.name],
      [for t in google_pubsub_topic.topic : t.name],
      [for s in google_pubsub_subscription.push : s.name],
      [for s in google_secret_manager_secret.secret : s.secret_id],
      [for j in google_cloud_scheduler_job.job : j.name],
      [for a in [google_service_account.push, google_service_account.schedule, google_service_account.build] : a.account_id],
      [for r in google_compute_backend_service.edge : r.name],
      [for r in google_compute_region_network_endpoint_group.edge : r.name],
      [for r in google_compute_url_map.edge : r.name],
      [for r in google_compute_security_policy.edge : r.name],
      [for r in google_compute_managed_ssl_certificate.edge : r.name],
      [for r in google_compute_target_https_proxy.edge : r.name],
      [for r in google_compute_global_address.edge : r.name],
      [for r in google_compute_global_forwarding_rule.edge : r.name],
    ) : startswith(name, "staging-")])
    error_message = "A name is not of the environment: two environments would collide."
  }
  assert {
    condition     = google_storage_bucket.source.name == "acme-crm-staging-source" && google_firestore_database.this.name == "staging" && google_artifact_registry_repository.images.repository_id == "staging"
    error_message = "The bucket, the database or the repository is not of the environment."
  }
  assert {
    condition     = alltrue([for m in module.function : m.function.service_config[0].environment_variables["FIRESTORE_DATABASE"] == "staging" if can(m.function.service_config[0].environment_variables["FIRESTORE_DATABASE"])])
    error_message = "A function uses another environment's database."
  }
}

run "an_operators_shell_gets_the_environment_and_no_secret" {
  command = apply

  variables {
    mapping_yaml = "it's: {}"
  }

  assert {
    condition = alltrue([for line in [
      "export FIRESTORE_DATABASE='connector'", "export HUBSPOT_ACCESS_TOKEN='projects/acme-crm/secrets/connector-hubspot-access-token/versions/latest'",
      "export MAPPING_YAML='it'\\''s: {}'",
    ] : contains(split("\n", output.operator_environment), line)])
    error_message = "The operator's environment lacks a line, or a value is not quoted: ${output.operator_environment}"
  }
}

run "a_load_balancer_changes_where_the_webhooks_are_and_what_is_signed" {
  command = apply

  variables {
    webhook_domain = "hooks.example.com"
  }

  assert {
    condition     = module.function["HubSpotWebhook"].function.service_config[0].environment_variables["HUBSPOT_WEBHOOK_URL"] == "https://hooks.example.com/HubSpotWebhook" && output.zoho_webhook_url == "https://hooks.example.com/ZohoWebhook"
    error_message = "The webhooks are looked for at another address than the load balancer's."
  }
  assert {
    condition     = alltrue([for f in ["HubSpotWebhook", "ZohoWebhook"] : module.function[f].function.service_config[0].ingress_settings == "ALLOW_INTERNAL_AND_GCLB"])
    error_message = "A request can bypass the load balancer."
  }
  assert {
    condition     = alltrue([for b in google_compute_backend_service.edge : b.security_policy == google_compute_security_policy.edge["edge"].id && !b.log_config[0].enable]) && length(google_compute_backend_service.edge) == 2
    error_message = "A webhook is not behind Cloud Armor, or its URLs are logged."
  }
}

run "without_a_load_balancer_nothing_of_it_is_made" {
  command = apply

  assert {
    condition     = length(google_compute_backend_service.edge) + length(google_compute_global_address.edge) + length(google_project_service.compute) == 0 && output.webhook_address == null
    error_message = "A load balancer is made although webhook_domain is empty."
  }
}

run "without_a_zip_the_plan_says_what_to_do" {
  command = plan

  variables {
    package_directory = "./tests/no-upload"
  }

  expect_failures = [google_storage_bucket_object.upload]
}

run "a_zip_that_was_changed_is_refused" {
  command = plan

  variables {
    package_directory = "./tests/changed-upload"
  }

  expect_failures = [google_storage_bucket_object.upload]
}

run "wrong_variables_are_refused" {
  command = plan

  variables {
    project                     = "My Company"
    region                      = "europe-west1-b"
    prefix                      = "a-long-prefix"
    hubspot_app_id              = "app-1"
    hubspot_portal_id           = "acme"
    hubspot_pages_url           = "https://app.hubspot.com/contacts/1"
    hubspot_api_version         = "v3"
    hubspot_signature_versions  = []
    zoho_accounts_url           = "https://accounts.zoho.eu/"
    zoho_client_id              = "secret"
    sendgrid_url                = "http://api.sendgrid.com"
    failure_mail_from           = "not-an-address"
    failure_mail_to             = []
    time_zone                   = "CET"
    consumer_instances          = 0
    webhook_domain              = "https://hooks.example.com"
    webhook_requests_per_minute = 1
    console_people              = ["allUsers"]
  }

  expect_failures = [
    var.project, var.region, var.prefix, var.hubspot_app_id, var.hubspot_portal_id, var.hubspot_pages_url, var.hubspot_api_version, var.hubspot_signature_versions,
    var.zoho_accounts_url, var.zoho_client_id, var.sendgrid_url, var.failure_mail_from, var.failure_mail_to,
    var.time_zone, var.consumer_instances, var.webhook_domain, var.webhook_requests_per_minute, var.console_people,
  ]
}

run "a_mapping_too_long_for_an_environment_is_refused" {
  command = plan

  variables {
    mapping_yaml = format("%24001s", "x")
  }

  expect_failures = [var.mapping_yaml]
}
