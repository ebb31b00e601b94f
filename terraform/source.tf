# The zip of "make package" is deployed. Its name is its hash, so that a changed
# zip deploys and the same one does not.
locals {
  uploads = sort(fileset(var.package_directory, "connector-*.zip"))
  upload  = one(slice(local.uploads, 0, min(1, length(local.uploads))))
}

resource "google_storage_bucket" "source" {
  name                        = "${var.project}-${var.prefix}-source"
  location                    = var.region
  labels                      = local.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  # An upload can be rebuilt from its commit.
  force_destroy = true

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age                = 90
      num_newer_versions = 5
      with_state         = "ARCHIVED"
    }
  }

  versioning {
    enabled = true
  }

  depends_on = [google_project_service.api]
}

resource "google_storage_bucket_object" "upload" {
  bucket = google_storage_bucket.source.name
  name   = local.upload == null ? "missing.zip" : local.upload
  source = local.upload == null ? null : "${var.package_directory}/${local.upload}"
  # Without an upload, the precondition ends the plan and names the remedy.
  content = local.upload == null ? "missing" : null

  lifecycle {
    precondition {
      condition     = length(local.uploads) == 1
      error_message = "There are ${length(local.uploads)} files connector-*.zip in ${var.package_directory}, want one: run \"make package\" in the root of the repository, which makes it and removes older ones."
    }
    precondition {
      condition     = local.upload == null || try(local.upload == "connector-${filesha256("${var.package_directory}/${local.upload}")}.zip", false)
      error_message = "The zip in ${var.package_directory} does not match the hash in its name: run \"make package\" again."
    }
  }
}

resource "google_artifact_registry_repository" "images" {
  repository_id = var.prefix
  location      = var.region
  format        = "DOCKER"
  labels        = local.labels

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 3
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_artifact_registry_repository_iam_member" "build" {
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}
