# The functions: each is deployed as the table says, with the rights of the table.
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

run "each_function_is_deployed_as_its_entry_says" {
  command = apply

  assert {
    condition     = { for entry_point, m in module.function : entry_point => m.function.build_config[0].entry_point } == { for entry_point in keys(local.functions) : entry_point => entry_point }
    error_message = "The deployed functions are not those of the table."
  }
  assert {
    condition     = alltrue([for entry_point, m in module.function : m.function.name == "connector-${local.functions[entry_point].name}"])
    error_message = "A function has another name than its entry says."
  }
  assert {
    condition = alltrue([for entry_point, m in module.function :
      toset(keys(m.function.service_config[0].environment_variables)) == toset(concat(local.functions[entry_point].environment, ["GOMEMLIMIT"]))
    ])
    error_message = "A function's environment has other variables than its entry names."
  }
  assert {
    condition     = alltrue([for m in module.function : m.function.build_config[0].runtime == "go126"])
    error_message = "A function has another runtime than go.mod asks for."
  }
  assert {
    condition = alltrue([for entry_point, m in module.function :
      m.function.service_config[0].timeout_seconds == local.functions[entry_point].timeout &&
      m.function.service_config[0].max_instance_request_concurrency == local.functions[entry_point].concurrency &&
      m.function.service_config[0].max_instance_request_concurrency > 1 &&
      m.function.service_config[0].available_cpu == "1"
    ])
    error_message = "A function takes one request at once, or has another timeout than its entry says."
  }
  assert {
    condition     = length(distinct([for m in module.function : m.function.service_config[0].service_account_email])) == length(local.functions)
    error_message = "Two functions share an identity."
  }
  assert {
    condition = alltrue([for m in module.function :
      m.function.build_config[0].source[0].storage_source[0].object == "connector-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.zip"
    ])
    error_message = "A function is not built from the zip of \"make package\"."
  }
}

run "a_function_gets_addresses_that_are_known_beforehand" {
  command = apply

  assert {
    condition     = module.function["HubSpotWebhook"].function.service_config[0].environment_variables["HUBSPOT_WEBHOOK_URL"] == "https://connector-hubspot-webhook-123456789012.europe-west1.run.app"
    error_message = "HubSpotWebhook gets another address than its own."
  }
  assert {
    condition     = alltrue([for f in ["ZohoConsumer", "HubSpotConsumer", "RenewZohoChannels", "Reconcile"] : module.function[f].function.service_config[0].environment_variables["ZOHO_TOKEN_URL"] == "https://connector-get-zoho-token-123456789012.europe-west1.run.app"])
    error_message = "A function gets a wrong address of GetZohoToken."
  }
  assert {
    condition     = output.hubspot_webhook_url == module.function["HubSpotWebhook"].function.service_config[0].environment_variables["HUBSPOT_WEBHOOK_URL"]
    error_message = "The address to enter in HubSpot is not the one whose signature is checked."
  }
  assert {
    condition     = module.function["SendFailureDigest"].function.service_config[0].environment_variables["FAILURE_MAIL_TO"] == "operator@example.com,second@example.com"
    error_message = "The function does not get the recipients of the mail."
  }
}

run "telemetry_is_off_unless_asked_for" {
  command = apply

  variables {
    telemetry = true
  }

  assert {
    condition = alltrue([for entry_point, m in module.function :
      toset(keys(m.function.service_config[0].environment_variables)) == toset(concat(local.functions[entry_point].environment, ["GOMEMLIMIT", "OTEL_EXPORTER_OTLP_ENDPOINT"])) &&
      contains(m.roles, "roles/telemetry.writer")
    ])
    error_message = "A function lacks the address of the collector, or the right to export."
  }
}

run "a_secret_is_never_a_plain_value" {
  command = apply

  assert {
    condition = alltrue(flatten([for m in module.function : [for name, value in m.function.service_config[0].environment_variables :
      value == "projects/acme-crm/secrets/connector-${local.secrets[name]}/versions/latest" if contains(keys(local.secrets), name)
    ]]))
    error_message = "A variable that is a secret holds something else than the name of its newest version."
  }
  assert {
    condition     = alltrue([for name in keys(local.environment) : contains(keys(local.secrets), name) if can(regex("SECRET|_KEY$|REFRESH_TOKEN|ACCESS_TOKEN|WEBHOOK_TOKEN", name))])
    error_message = "A variable has the name of a secret and is none."
  }
  assert {
    condition     = alltrue([for m in module.function : length(m.function.service_config[0].secret_environment_variables) == 0 && length(m.function.service_config[0].secret_volumes) == 0])
    error_message = "A secret is bound to the start of an instance: a new version would need a deployment."
  }
  assert {
    condition     = alltrue([for s in google_secret_manager_secret.secret : s.deletion_protection])
    error_message = "A secret can be deleted by mistake."
  }
}

run "each_identity_holds_the_roles_of_this_table_and_no_other" {
  command = apply

  variables {
    project = "p-crm-1"
  }

  assert {
    condition = jsonencode({ for entry_point, m in module.function : entry_point => m.roles }) == jsonencode({
      HubSpotWebhook = [
        "roles/pubsub.publisher on connector-zoho-operations",
        "roles/secretmanager.secretAccessor on connector-hubspot-client-secret",
      ]
      ZohoWebhook = [
        "roles/pubsub.publisher on connector-hubspot-operations",
        "roles/secretmanager.secretAccessor on connector-zoho-webhook-token",
      ]
      ZohoConsumer = [
        "roles/datastore.user if resource.name == \"projects/p-crm-1/databases/connector\"",
        "roles/pubsub.publisher on connector-hubspot-operations",
        "roles/pubsub.publisher on connector-zoho-operations",
        "roles/secretmanager.secretAccessor on connector-hash-key",
        "roles/secretmanager.secretAccessor on connector-hubspot-access-token",
      ]
      HubSpotConsumer = [
        "roles/datastore.user if resource.name == \"projects/p-crm-1/databases/connector\"",
        "roles/pubsub.publisher on connector-hubspot-operations",
        "roles/pubsub.publisher on connector-zoho-operations",
        "roles/secretmanager.secretAccessor on connector-hash-key",
        "roles/secretmanager.secretAccessor on connector-hubspot-access-token",
      ]
      GetZohoToken = [
        "roles/datastore.user if resource.name == \"projects/p-crm-1/databases/connector\"",
        "roles/secretmanager.secretAccessor on connector-zoho-client-secret",
        "roles/secretmanager.secretAccessor on connector-zoho-refresh-token",
      ]
      RefreshZohoToken = [
        "roles/datastore.user if resource.name == \"projects/p-crm-1/databases/connector\"",
        "roles/secretmanager.secretAccessor on connector-zoho-client-secret",
        "roles/secretmanager.secretAccessor on connector-zoho-refresh-token",
      ]
      RenewZohoChannels = [
        "roles/datastore.user if resource.name == \"projects/p-crm-1/databases/connector\"",
        "roles/pubsub.publisher on connector-hubspot-operations",
        "roles/secretmanager.secretAccessor on connector-zoho-webhook-token",
      ]
      Reconcile = [
        "roles/datastore.user if resource.name == \"projects/p-crm-1/databases/connector\"",
        "roles/pubsub.publisher on connector-hubspot-operations",
        "roles/pubsub.publisher on connector-zoho-operations",
        "roles/secretmanager.secretAccessor on connector-hubspot-access-token",
      ]
      DeadLetter = [
        "roles/datastore.user if resource.name == \"projects/p-crm-1/databases/connector\"",
      ]
      SendFailureDigest = [
        "roles/datastore.user if resource.name == \"projects/p-crm-1/databases/connector\"",
        "roles/secretmanager.secretAccessor on connector-sendgrid-api-key",
      ]
      Console = [
        "roles/datastore.user if resource.name == \"projects/p-crm-1/databases/connector\"",
        "roles/pubsub.publisher on connector-hubspot-operations",
        "roles/pubsub.publisher on connector-zoho-operations",
        "roles/secretmanager.secretAccessor on connector-hash-key",
        "roles/secretmanager.secretAccessor on connector-hubspot-access-token",
      ]
    })
    error_message = "A function's identity may do more, or less, than this table says: ${jsonencode({ for entry_point, m in module.function : entry_point => m.roles })}"
  }
  assert {
    condition = toset(keys(google_cloud_run_v2_service_iam_member.invoker)) == toset([
      "anyone calls HubSpotWebhook",
      "anyone calls ZohoWebhook",
      "push calls ZohoConsumer",
      "push calls HubSpotConsumer",
      "push calls DeadLetter",
      "schedule calls RefreshZohoToken",
      "schedule calls RenewZohoChannels",
      "schedule calls Reconcile",
      "schedule calls SendFailureDigest",
      "ZohoConsumer calls GetZohoToken",
      "HubSpotConsumer calls GetZohoToken",
      "RenewZohoChannels calls GetZohoToken",
      "Reconcile calls GetZohoToken",
      "Console calls GetZohoToken",
      "group:operators@example.com calls Console",
    ])
    error_message = "The permissions to call functions differ from this table: ${jsonencode(keys(google_cloud_run_v2_service_iam_member.invoker))}"
  }
  assert {
    condition = alltrue([for name, grant in google_cloud_run_v2_service_iam_member.invoker :
      grant.role == "roles/run.invoker" && grant.name == "connector-${local.functions[split(" calls ", name)[1]].name}" &&
      grant.member == merge(
        { anyone = "allUsers", "group:operators@example.com" = "group:operators@example.com", push = google_service_account.push.member, schedule = google_service_account.schedule.member },
        { for entry_point, m in module.function : entry_point => m.member },
      )[split(" calls ", name)[0]]
    ])
    error_message = "A permission to call does not say what its name says."
  }
  assert {
    condition     = toset([for grant in google_cloud_run_v2_service_iam_member.invoker : grant.name if !startswith(grant.member, "serviceAccount:") && grant.member == "allUsers"]) == toset(["connector-hubspot-webhook", "connector-zoho-webhook"])
    error_message = "Other functions than the two webhooks are open to everyone."
  }
  assert {
    condition     = { for role, grant in google_project_iam_member.build : role => grant.role } == { for role in ["roles/logging.logWriter", "roles/storage.objectViewer"] : role => role }
    error_message = "The identity that builds has other roles in the project than to log and to read the upload."
  }
  assert {
    condition     = google_artifact_registry_repository_iam_member.build.role == "roles/artifactregistry.writer" && google_artifact_registry_repository_iam_member.build.repository == google_artifact_registry_repository.images.name
    error_message = "The identity that builds writes somewhere else than to the connector's repository."
  }
  assert {
    condition     = google_service_account_iam_member.push_tokens.role == "roles/iam.serviceAccountTokenCreator" && google_service_account_iam_member.push_tokens.service_account_id == google_service_account.push.name
    error_message = "Pub/Sub's agent makes tokens for another identity than the one that pushes."
  }
  assert {
    condition     = { for entry_point, m in module.function : entry_point => m.function.service_config[0].ingress_settings if m.function.service_config[0].ingress_settings != "ALLOW_INTERNAL_ONLY" } == { for entry_point in ["HubSpotWebhook", "ZohoWebhook", "GetZohoToken", "Console"] : entry_point => "ALLOW_ALL" }
    error_message = "A function that only Pub/Sub or Cloud Scheduler calls can be reached from outside."
  }
}
