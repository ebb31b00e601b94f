# The functions, by entry point. All rights of a function follow from its entry:
# it may write to the topics, read the secrets, use the database and call the
# functions that its environment names, and nothing else. Tests compare this table
# with the code, so it holds only literals.
#
#   environment  the variables of environment.tf that the function reads
#   invoked_by   the callers that are admitted, as identities.tf names them
#   topic        the topic whose messages Pub/Sub pushes to it
#   schedule     when Cloud Scheduler calls it
#   timeout      seconds; for a push target also the acknowledgement deadline,
#                5 s longer than its handler's own limit
#   concurrency, instances, memory
locals {
  functions = {
    HubSpotWebhook = {
      name        = "hubspot-webhook"
      environment = ["GOOGLE_CLOUD_PROJECT", "HUBSPOT_CLIENT_SECRET", "HUBSPOT_PORTAL_ID", "HUBSPOT_SIGNATURE_VERSIONS", "HUBSPOT_WEBHOOK_URL", "ZOHO_OPERATIONS_TOPIC"]
      invoked_by  = "anyone"
      timeout     = 30
      concurrency = 200
      instances   = 20
      memory      = "512Mi"
    }
    ZohoWebhook = {
      name        = "zoho-webhook"
      environment = ["GOOGLE_CLOUD_PROJECT", "HUBSPOT_OPERATIONS_TOPIC", "ZOHO_WEBHOOK_TOKEN"]
      invoked_by  = "anyone"
      timeout     = 30
      concurrency = 200
      instances   = 20
      memory      = "512Mi"
    }
    ZohoConsumer = {
      name = "zoho-consumer"
      environment = [
        "FIRESTORE_DATABASE", "GOOGLE_CLOUD_PROJECT", "HASH_KEY", "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_API_URL",
        "HUBSPOT_API_VERSION", "HUBSPOT_APP_ID", "MAPPING_YAML", "ZOHO_ACCOUNTS_URL", "ZOHO_TOKEN_URL", "CALL_BATCHING", "CRM_QUOTA_SHARE",
        "HUBSPOT_OPERATIONS_TOPIC", "ZOHO_OPERATIONS_TOPIC", # to publish the contacts of a linked or merged company
      ]
      invoked_by  = "push"
      topic       = "ZOHO_OPERATIONS_TOPIC"
      timeout     = 60
      concurrency = 500  # operations in flight share calls
      instances   = null # consumer_instances
      memory      = "512Mi"
    }
    HubSpotConsumer = {
      name = "hubspot-consumer"
      environment = [
        "FIRESTORE_DATABASE", "GOOGLE_CLOUD_PROJECT", "HASH_KEY", "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_API_URL",
        "HUBSPOT_API_VERSION", "HUBSPOT_APP_ID", "MAPPING_YAML", "ZOHO_ACCOUNTS_URL", "ZOHO_TOKEN_URL", "CALL_BATCHING", "CRM_QUOTA_SHARE",
        "HUBSPOT_OPERATIONS_TOPIC", "ZOHO_OPERATIONS_TOPIC", # to publish the contacts of a linked or merged company
      ]
      invoked_by  = "push"
      topic       = "HUBSPOT_OPERATIONS_TOPIC"
      timeout     = 60
      concurrency = 500  # operations in flight share calls
      instances   = null # consumer_instances
      memory      = "512Mi"
    }
    GetZohoToken = {
      name        = "get-zoho-token"
      environment = ["FIRESTORE_DATABASE", "GOOGLE_CLOUD_PROJECT", "ZOHO_ACCOUNTS_URL", "ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN"]
      invoked_by  = "functions"
      timeout     = 60
      concurrency = 100
      instances   = 3
      memory      = "512Mi"
    }
    RefreshZohoToken = {
      name        = "refresh-zoho-token"
      environment = ["FIRESTORE_DATABASE", "GOOGLE_CLOUD_PROJECT", "ZOHO_ACCOUNTS_URL", "ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN"]
      invoked_by  = "schedule"
      schedule    = "*/30 * * * *" # a token lives for an hour
      timeout     = 60
      concurrency = 10
      instances   = 1
      memory      = "512Mi"
    }
    RenewZohoChannels = {
      name = "renew-zoho-channels"
      environment = [
        "CRM_QUOTA_SHARE", "FIRESTORE_DATABASE", "GOOGLE_CLOUD_PROJECT", "HUBSPOT_OPERATIONS_TOPIC", "MAPPING_YAML",
        "ZOHO_ACCOUNTS_URL", "ZOHO_TOKEN_URL", "ZOHO_WEBHOOK_TOKEN", "ZOHO_WEBHOOK_URL",
      ]
      invoked_by  = "schedule"
      schedule    = "15,45 * * * *" # a channel lives for a week
      timeout     = 270
      concurrency = 10
      instances   = 1
      memory      = "512Mi"
    }
    Reconcile = {
      name = "reconcile"
      environment = [
        "FIRESTORE_DATABASE", "GOOGLE_CLOUD_PROJECT", "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_API_URL", "HUBSPOT_API_VERSION", "HUBSPOT_APP_ID",
        "HUBSPOT_OPERATIONS_TOPIC", "MAPPING_YAML", "ZOHO_ACCOUNTS_URL", "ZOHO_OPERATIONS_TOPIC", "ZOHO_TOKEN_URL", "CRM_QUOTA_SHARE",
      ]
      invoked_by  = "schedule"
      schedule    = "*/5 * * * *"
      timeout     = 270
      concurrency = 10
      instances   = 1
      memory      = "512Mi"
    }
    DeadLetter = {
      name        = "dead-letter"
      environment = ["FIRESTORE_DATABASE", "GOOGLE_CLOUD_PROJECT"]
      invoked_by  = "push"
      topic       = "DEAD_OPERATIONS_TOPIC"
      timeout     = 60
      concurrency = 100
      instances   = 2
      memory      = "512Mi"
    }
    SendFailureDigest = {
      name = "send-failure-digest"
      environment = [
        "FAILURE_MAIL_FROM", "FAILURE_MAIL_HEARTBEAT", "FAILURE_MAIL_TO", "FIRESTORE_DATABASE", "GOOGLE_CLOUD_PROJECT", "SENDGRID_API_KEY", "SENDGRID_URL",
        "HUBSPOT_PAGES_URL", "HUBSPOT_PORTAL_ID", "ZOHO_ACCOUNTS_URL", # for the links in the mail
      ]
      invoked_by  = "schedule"
      schedule    = "0 * * * *"
      timeout     = 120
      concurrency = 10
      instances   = 1
      memory      = "512Mi"
    }
    Console = {
      name = "console"
      environment = [
        "CALL_BATCHING", "CONSOLE_ACCESS", "CRM_QUOTA_SHARE", "FIRESTORE_DATABASE", "GOOGLE_CLOUD_PROJECT", "HASH_KEY", "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_API_URL",
        "HUBSPOT_API_VERSION", "HUBSPOT_APP_ID", "HUBSPOT_OPERATIONS_TOPIC", "MAPPING_YAML", "ZOHO_ACCOUNTS_URL", "ZOHO_OPERATIONS_TOPIC", "ZOHO_TOKEN_URL",
        "HUBSPOT_PAGES_URL", "HUBSPOT_PORTAL_ID", # for the links
      ]
      invoked_by  = "people"
      timeout     = 60
      concurrency = 80
      instances   = 2
      memory      = "512Mi"
    }
  }

  # Variables that every function reads in addition to its own.
  every_function = ["OTEL_EXPORTER_OTLP_ENDPOINT"]

  # Cloud Run's address of a function is known before the function exists, so that
  # the function's own environment can hold it.
  urls = { for entry_point, f in local.functions :
    entry_point => "https://${var.prefix}-${f.name}-${data.google_project.this.number}.${var.region}.run.app"
  }
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  project     = var.project
  region      = var.region
  name        = "${var.prefix}-${each.value.name}"
  entry_point = each.key
  labels      = local.labels

  source_object    = google_storage_bucket_object.upload
  repository       = google_artifact_registry_repository.images.id
  build_account_id = google_service_account.build.id

  timeout     = each.value.timeout
  concurrency = each.value.concurrency
  instances   = coalesce(each.value.instances, var.consumer_instances)
  memory      = each.value.memory
  ingress     = local.ingress[each.value.invoked_by]

  environment = { for name in concat(each.value.environment, local.every_function) : name => local.environment[name] if local.environment[name] != "" }
  secrets     = { for name in each.value.environment : name => google_secret_manager_secret.secret[name].secret_id if contains(keys(local.secrets), name) }
  publishes   = { for name in each.value.environment : name => google_pubsub_topic.topic[name].name if contains(keys(local.topics), name) }
  roles       = var.telemetry ? ["roles/telemetry.writer"] : []
  database    = contains(each.value.environment, "FIRESTORE_DATABASE") ? google_firestore_database.this.name : null

  depends_on = [google_project_service.api, google_project_iam_member.build, google_artifact_registry_repository_iam_member.build]
}
