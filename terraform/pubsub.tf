# One topic for each direction, and one for dead letters. Pub/Sub pushes each to
# the function whose entry names it.
locals {
  topics = {
    ZOHO_OPERATIONS_TOPIC    = "zoho-operations"
    HUBSPOT_OPERATIONS_TOPIC = "hubspot-operations"
    DEAD_OPERATIONS_TOPIC    = "dead-operations"
  }
  pushed       = { for entry_point, f in local.functions : f.topic => entry_point if can(f.topic) }
  dead_letters = "DEAD_OPERATIONS_TOPIC"
  mortal       = { for topic, entry_point in local.pushed : topic => entry_point if topic != local.dead_letters }

  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic" "topic" {
  for_each = local.topics

  name   = "${var.prefix}-${each.value}"
  labels = local.labels
  # Messages outlive a replaced subscription: "gcloud pubsub subscriptions seek"
  # sends the new one back in time.
  message_retention_duration = "604800s"

  message_storage_policy {
    allowed_persistence_regions = [var.region] # one region keeps the order of a record
  }

  depends_on = [google_project_service.api]
}

resource "google_pubsub_subscription" "push" {
  for_each = local.pushed

  name   = "${var.prefix}-${local.topics[each.key]}-push"
  topic  = google_pubsub_topic.topic[each.key].id
  labels = local.labels

  enable_message_ordering    = true
  ack_deadline_seconds       = local.functions[each.value].timeout
  message_retention_duration = "604800s" # a CRM may be down for a week

  push_config {
    push_endpoint = module.function[each.value].uri
    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = module.function[each.value].uri
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  expiration_policy {
    ttl = "" # never: without this it is deleted after 31 days without use
  }

  # The outer safety net. A consumer itself gives up operations that retrying
  # cannot fix. Operations that wait for a CRM that is down must not end here soon.
  dynamic "dead_letter_policy" {
    for_each = each.key == local.dead_letters ? [] : [1]
    content {
      dead_letter_topic     = google_pubsub_topic.topic[local.dead_letters].id
      max_delivery_attempts = 100
    }
  }
}

# Pub/Sub's own agent moves dead letters: it publishes them, and acknowledges them
# at their subscription.
resource "google_pubsub_topic_iam_member" "dead_letters" {
  topic  = google_pubsub_topic.topic[local.dead_letters].name
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead_letters" {
  for_each = local.mortal

  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
