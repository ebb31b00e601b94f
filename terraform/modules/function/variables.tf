variable "project" {
  description = "Id of the Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region of the function."
  type        = string
}

variable "name" {
  description = "Name of the function, of its service on Cloud Run and of its service account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.name))
    error_message = "name has 6 to 30 lower-case letters, digits and hyphens: it is also the id of a service account."
  }
}

variable "entry_point" {
  description = "Name under which the code registers the function."
  type        = string
}

variable "labels" {
  description = "Labels of the function."
  type        = map(string)
}

variable "source_object" {
  description = "The upload: an object in a bucket."
  type        = object({ bucket = string, name = string })
}

variable "repository" {
  description = "Id of the repository in Artifact Registry that stores the image."
  type        = string
}

variable "build_account_id" {
  description = "Id of the service account that builds."
  type        = string
}

variable "timeout" {
  description = "Seconds that a request may take."
  type        = number

  validation {
    condition     = var.timeout >= 10 && var.timeout <= 540
    error_message = "timeout is 10 to 540 seconds."
  }
}

variable "concurrency" {
  description = "Requests that an instance takes at once."
  type        = number

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000
    error_message = "concurrency is 1 to 1000."
  }
}

variable "instances" {
  description = "Maximum number of instances."
  type        = number
}

variable "memory" {
  description = "Memory of an instance, such as 512Mi. A whole CPU needs at least 512Mi."
  type        = string
}

variable "ingress" {
  description = "Networks from which the function can be reached."
  type        = string
}

variable "environment" {
  description = "Environment of the function. It holds secrets by name only."
  type        = map(string)

  validation {
    condition     = length(setintersection(keys(var.environment), ["FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE", "K_SERVICE", "K_REVISION", "PORT"])) == 0
    error_message = "environment names a variable that Cloud Functions sets itself."
  }
}

variable "secrets" {
  description = "Secrets that the function may read: ids, by the variable that names them."
  type        = map(string)
}

variable "publishes" {
  description = "Topics that the function may publish to: names, by the variable that names them."
  type        = map(string)
}

variable "roles" {
  description = "Roles in the project that the function needs."
  type        = list(string)
}

variable "database" {
  description = "Firestore database that the function may use, or null."
  type        = string
}
