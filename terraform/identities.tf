# The callers that each function admits. A function's own identity and its rights
# are in its module; here are the identities that call functions and build them.
locals {
  invokers = {
    anyone   = { anyone = "allUsers" } # the webhooks verify their caller themselves
    push     = { push = google_service_account.push.member }
    schedule = { schedule = google_service_account.schedule.member }
    people   = { for member in var.console_people : member => member } # the operators
    functions = { for entry_point, f in local.functions :
      entry_point => module.function[entry_point].member if contains(f.environment, "ZOHO_TOKEN_URL")
    }
  }

  # Each permission to call: the caller and the function.
  calls = merge([for entry_point, f in local.functions : { for caller, member in local.invokers[f.invoked_by] :
    "${caller} calls ${entry_point}" => { entry_point = entry_point, member = member }
  }]...)

  # A request of this project's Pub/Sub or Cloud Scheduler counts as internal; a
  # call from one function to another does not.
  ingress = {
    anyone    = var.webhook_domain == "" ? "ALLOW_ALL" : "ALLOW_INTERNAL_AND_GCLB"
    push      = "ALLOW_INTERNAL_ONLY"
    schedule  = "ALLOW_INTERNAL_ONLY"
    functions = "ALLOW_ALL"
    people    = "ALLOW_ALL"
  }
}

# The service on Cloud Run has the function's name.
resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = local.calls

  name     = module.function[each.value.entry_point].function.name
  location = var.region
  role     = "roles/run.invoker"
  member   = each.value.member
}

resource "google_service_account" "push" {
  account_id   = "${var.prefix}-push"
  display_name = "Pub/Sub, pushing to the consumers"

  depends_on = [google_project_service.api]
}

resource "google_service_account" "schedule" {
  account_id   = "${var.prefix}-schedule"
  display_name = "Cloud Scheduler, calling the jobs"

  depends_on = [google_project_service.api]
}

resource "google_service_account" "build" {
  account_id   = "${var.prefix}-build"
  display_name = "Cloud Build, building the functions"

  depends_on = [google_project_service.api]
}

# A build reads the upload, which Cloud Functions copies to a bucket of its own,
# writes its log, and stores the image (source.tf).
resource "google_project_iam_member" "build" {
  for_each = toset(["roles/logging.logWriter", "roles/storage.objectViewer"])

  project = var.project
  role    = each.value
  member  = google_service_account.build.member
}

# Pub/Sub's own agent makes the tokens with which it pushes.
resource "google_service_account_iam_member" "push_tokens" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent

  depends_on = [google_pubsub_topic.topic] # the agent comes with the first topic
}
