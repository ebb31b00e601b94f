# Topics, subscriptions, schedules and the database.
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

run "operations_are_pushed_in_order_and_never_lost" {
  command = apply

  assert {
    condition = { for topic, s in google_pubsub_subscription.push : s.name => s.push_config[0].push_endpoint } == {
      connector-zoho-operations-push    = module.function["ZohoConsumer"].uri
      connector-hubspot-operations-push = module.function["HubSpotConsumer"].uri
      connector-dead-operations-push    = module.function["DeadLetter"].uri
    }
    error_message = "A topic is not pushed to its function, or has no subscription, which loses all messages."
  }
  assert {
    condition = alltrue([for topic, s in google_pubsub_subscription.push :
      s.topic == google_pubsub_topic.topic[topic].id &&
      s.enable_message_ordering &&
      s.expiration_policy[0].ttl == "" &&
      s.push_config[0].oidc_token[0].service_account_email == google_service_account.push.email &&
      s.push_config[0].oidc_token[0].audience == s.push_config[0].push_endpoint &&
      s.retry_policy[0].minimum_backoff == "10s" && s.retry_policy[0].maximum_backoff == "600s"
    ])
    error_message = "A subscription is out of order, expires, pushes without an identity, or repeats at once."
  }
  assert {
    condition = alltrue([for topic in ["ZOHO_OPERATIONS_TOPIC", "HUBSPOT_OPERATIONS_TOPIC"] :
      google_pubsub_subscription.push[topic].dead_letter_policy[0].dead_letter_topic == google_pubsub_topic.topic["DEAD_OPERATIONS_TOPIC"].id &&
      google_pubsub_subscription.push[topic].dead_letter_policy[0].max_delivery_attempts == 100
    ])
    error_message = "A message that a consumer never acknowledges does not end in the dead-letter topic."
  }
  assert {
    condition     = length(google_pubsub_subscription.push["DEAD_OPERATIONS_TOPIC"].dead_letter_policy) == 0
    error_message = "Dead letters that DeadLetter does not accept would circulate for ever."
  }
  assert {
    condition = alltrue([for topic, s in google_pubsub_subscription.push :
      s.ack_deadline_seconds == module.function[local.pushed[topic]].function.service_config[0].timeout_seconds
    ])
    error_message = "The time to acknowledge and the function's timeout differ."
  }
  assert {
    condition = (
      google_pubsub_topic_iam_member.dead_letters.topic == "connector-dead-operations" &&
      google_pubsub_topic_iam_member.dead_letters.role == "roles/pubsub.publisher" &&
      google_pubsub_topic_iam_member.dead_letters.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com" &&
      toset([for grant in google_pubsub_subscription_iam_member.dead_letters : "${grant.role} on ${grant.subscription}"]) == toset([
        "roles/pubsub.subscriber on connector-zoho-operations-push", "roles/pubsub.subscriber on connector-hubspot-operations-push",
      ])
    )
    error_message = "Pub/Sub's agent cannot move dead letters."
  }
  assert {
    condition     = alltrue([for t in google_pubsub_topic.topic : t.message_storage_policy[0].allowed_persistence_regions == toset(["europe-west1"]) || tolist(t.message_storage_policy[0].allowed_persistence_regions) == tolist(["europe-west1"])])
    error_message = "Messages of a record may be kept in two regions, which loses their order."
  }
}

run "jobs_call_their_functions_with_an_identity_and_time_to_answer" {
  command = apply

  assert {
    condition = { for entry_point, job in google_cloud_scheduler_job.job : entry_point => job.schedule } == {
      RefreshZohoToken  = "*/30 * * * *"
      RenewZohoChannels = "15,45 * * * *"
      Reconcile         = "*/5 * * * *"
      SendFailureDigest = "0 * * * *"
    }
    error_message = "A job is missing or runs at other times."
  }
  assert {
    condition = alltrue([for entry_point, job in google_cloud_scheduler_job.job :
      job.http_target[0].uri == module.function[entry_point].uri &&
      job.http_target[0].http_method == "POST" &&
      job.http_target[0].oidc_token[0].audience == module.function[entry_point].uri &&
      job.http_target[0].oidc_token[0].service_account_email == google_service_account.schedule.email &&
      job.retry_config[0].retry_count > 0
    ])
    error_message = "A job calls without an identity, for another audience, or once only."
  }
  assert {
    condition = alltrue([for entry_point, job in google_cloud_scheduler_job.job :
      tonumber(trimsuffix(job.attempt_deadline, "s")) > module.function[entry_point].function.service_config[0].timeout_seconds
    ])
    error_message = "The scheduler hangs up before the function's time is over, and calls it again while it runs."
  }
}

run "the_database_is_protected_and_indexes_only_queried_fields" {
  command = apply

  assert {
    condition = (
      google_firestore_database.this.type == "FIRESTORE_NATIVE" &&
      google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_ENABLED" &&
      google_firestore_database.this.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"
    )
    error_message = "The database can be deleted by mistake, or cannot be restored to an earlier time."
  }
  assert {
    condition     = alltrue([for f in google_firestore_field.expires : f.field == "expire_at" && length(f.ttl_config) == 1 && length(f.index_config) == 1 && length(f.index_config[0].indexes) == 0])
    error_message = "A time to live is missing, or indexed."
  }
  assert {
    condition     = alltrue([for f in google_firestore_field.unindexed : length(f.index_config[0].indexes) == 0 && length(f.ttl_config) == 0])
    error_message = "A field that no query uses is indexed."
  }
}
