variable "project" {
  description = "Id of the Google Cloud project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project is the project's id, such as my-company-crm: 6 to 30 lower-case letters, digits and hyphens. It is neither the name nor the number."
  }
}

variable "region" {
  description = "Region of all resources, near the two CRMs' data centres."
  type        = string
  default     = "europe-west1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is a region, such as europe-west1 or us-central1, not a zone or a multi-region."
  }
}

variable "prefix" {
  description = "First part of every name: one for each environment in the project."
  type        = string
  default     = "connector"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{3,9}$", var.prefix))
    error_message = "prefix is 4 to 10 lower-case letters and digits, such as staging, and starts with a letter: the name of a service account cannot be longer."
  }
}

variable "package_directory" {
  description = "Directory where \"make package\" puts the zip to deploy."
  type        = string
  default     = "../build"
}

variable "deletion_protection" {
  description = "Whether the database and the secrets refuse to be deleted."
  type        = bool
  default     = true
}

variable "hubspot_app_id" {
  description = "Id of the HubSpot app, which distinguishes the connector's own writes from people's."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.hubspot_app_id))
    error_message = "hubspot_app_id is the number that the app's page in HubSpot shows, such as 39522895."
  }
}

variable "hubspot_portal_id" {
  description = "Id of the HubSpot account, the number in the addresses of its pages. If empty, mails and the console have no links to HubSpot, and webhooks of another account are not recognised."
  type        = string
  default     = ""

  validation {
    condition     = var.hubspot_portal_id == "" || can(regex("^[0-9]+$", var.hubspot_portal_id))
    error_message = "hubspot_portal_id is the number in the addresses of your HubSpot account's pages, such as 48975575."
  }
}

variable "hubspot_pages_url" {
  description = "Address at which you sign in to HubSpot; for accounts in the EU it is https://app-eu1.hubspot.com."
  type        = string
  default     = "https://app.hubspot.com"

  validation {
    condition     = can(regex("^https://app(-[a-z0-9]+)?\\.hubspot\\.com$", var.hubspot_pages_url))
    error_message = "hubspot_pages_url is the address at which you sign in to HubSpot, such as https://app-eu1.hubspot.com, without a path or a slash at the end."
  }
}

variable "hubspot_api_version" {
  description = "Version in the paths of HubSpot's API."
  type        = string
  default     = "2026-09"

  validation {
    condition     = can(regex("^20[0-9]{2}-(03|09)$", var.hubspot_api_version))
    error_message = "hubspot_api_version has the form YYYY-MM and is of March or September, such as 2026-09."
  }
}

variable "hubspot_signature_versions" {
  description = "Signature versions that HubSpotWebhook accepts."
  type        = list(string)
  default     = ["v3"]

  validation {
    condition     = length(var.hubspot_signature_versions) > 0 && alltrue([for v in var.hubspot_signature_versions : contains(["v1", "v2", "v3"], v)])
    error_message = "hubspot_signature_versions holds at least one version, such as v3. The older ones are v1 and v2; a third party can send again a request that they sign."
  }
}

variable "zoho_accounts_url" {
  description = "Zoho's accounts server in your data centre."
  type        = string
  default     = "https://accounts.zoho.com"

  validation {
    condition = contains([
      "https://accounts.zoho.com", "https://accounts.zoho.eu", "https://accounts.zoho.in",
      "https://accounts.zoho.com.au", "https://accounts.zoho.jp", "https://accounts.zohocloud.ca",
      "https://accounts.zoho.sa", "https://accounts.zoho.com.cn", "https://accounts.zoho.uk",
    ], var.zoho_accounts_url)
    error_message = "zoho_accounts_url is the address of your data centre at which you sign in, such as https://accounts.zoho.eu, without a path or a slash at the end."
  }
}

variable "zoho_client_id" {
  description = "Client id of the self client in Zoho's API console."
  type        = string

  validation {
    condition     = can(regex("^1000\\.[A-Z0-9]+$", var.zoho_client_id))
    error_message = "zoho_client_id is shown in Zoho's API console and starts with 1000., such as 1000.ABC123DEF. The client secret beside it does not belong here."
  }
}

variable "sendgrid_url" {
  description = "Base URL of SendGrid's API; that of accounts in the EU is https://api.eu.sendgrid.com."
  type        = string
  default     = "https://api.sendgrid.com"

  validation {
    condition     = contains(["https://api.sendgrid.com", "https://api.eu.sendgrid.com"], var.sendgrid_url)
    error_message = "sendgrid_url is the address of your account's region, such as https://api.eu.sendgrid.com for the EU; elsewhere it is https://api.sendgrid.com."
  }
}

variable "failure_mail_from" {
  description = "Verified sender of the mail that lists failed operations."
  type        = string

  validation {
    condition     = can(regex("^[^@\\s,]+@[^@\\s,]+\\.[^@\\s,]+$", var.failure_mail_from))
    error_message = "failure_mail_from is one address, such as connector@example.com: a sender that SendGrid has verified."
  }
}

variable "failure_mail_to" {
  description = "Addresses that receive the mail that lists failed operations."
  type        = list(string)

  validation {
    condition     = length(var.failure_mail_to) > 0 && alltrue([for a in var.failure_mail_to : can(regex("^[^@\\s,]+@[^@\\s,]+\\.[^@\\s,]+$", a))])
    error_message = "failure_mail_to holds at least one address, such as operator@example.com, one in each element: a failure that no person reads about is lost."
  }
}

variable "failure_mail_heartbeat" {
  description = "Whether a mail reports once a week that nothing failed: the only sign that mails still arrive."
  type        = bool
  default     = false
}

variable "mapping_yaml" {
  description = "Text of the mapping, such as file(\"mapping.yaml\"). If empty, the built-in mapping is used."
  type        = string
  default     = ""

  validation {
    condition     = length(var.mapping_yaml) <= 24000
    error_message = "mapping_yaml has more than 24,000 characters; all variables of a function together may have 32 KiB. Leave out its comments."
  }
}

variable "telemetry" {
  description = "Whether traces and metrics go to Google Cloud's own collector, over OTLP."
  type        = bool
  default     = false
}

variable "call_batching" {
  description = "Whether the operations in flight share calls to the CRMs."
  type        = bool
  default     = true
}

variable "console_people" {
  description = "People who may open the console, as IAM names them: user:ada@example.com or group:operators@example.com."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for m in var.console_people : can(regex("^(user|group):[^@\\s]+@[^@\\s]+$", m))])
    error_message = "console_people holds members such as user:ada@example.com and group:operators@example.com: never everyone, and never a whole domain."
  }
}

variable "time_zone" {
  description = "Time zone of the schedules."
  type        = string
  default     = "Etc/UTC"

  validation {
    condition     = can(regex("^[A-Z][A-Za-z]+/[A-Za-z_/+-]+$", var.time_zone))
    error_message = "time_zone is a name of the tz database, such as Europe/Madrid."
  }
}

variable "consumer_instances" {
  description = "Maximum number of instances of each consumer. The CRMs' quotas bound the throughput: few instances that share their calls do more than many."
  type        = number
  default     = 4

  validation {
    condition     = var.consumer_instances >= 1 && var.consumer_instances <= 20 && floor(var.consumer_instances) == var.consumer_instances
    error_message = "consumer_instances is a whole number from 1 to 20, such as 4."
  }
}
