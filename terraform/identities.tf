# Who may call what. A function's own identity, and what it may do, is in its
# module; here are the identities of those who call functions and build them.
locals {
  invokers = {
    anyone   = { anyone = "allUsers" } # the webhooks, which verify their caller themselves
    push     = { push = google_service_account.push.member }
    schedule = { schedule = google_service_account.schedule.member }
    people   = { for member in var.console_people : member => member } # the operators
    functions = { for entry_point, f in local.functions :
      entry_point => module.function[entry_point].member if contains(f.environment, "ZOHO_TOKEN_URL")
    }
  }

  # Each permission to call: who calls which function.
  calls = merge([for entry_point, f in local.functions : { for caller, member in local.invokers[f.invoked_by] :
    "${caller} calls ${entry_point}" => { entry_point = entry_point, member = member }
  }]...)

  # What Pub/Sub and Cloud Scheduler of this project send counts as internal; a
  # call from function to function does not.
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

# What a build needs: to read the upload, which Cloud Functions copies to a
# bucket of its own, to write its log, and to store the image (source.tf).
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
