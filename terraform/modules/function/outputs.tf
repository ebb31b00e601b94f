output "uri" {
  description = "Where the function listens, and the audience of a token for it."
  value       = google_cloudfunctions2_function.this.service_config[0].uri
}

output "member" {
  description = "The function's identity, as IAM names it."
  value       = google_service_account.this.member
}

output "function" {
  description = "The function."
  value       = google_cloudfunctions2_function.this
}

output "roles" {
  description = "What the function's identity was granted: \"role on what\"."
  value = sort(concat(
    [for grant in google_secret_manager_secret_iam_member.reads : "${grant.role} on ${grant.secret_id}"],
    [for grant in google_pubsub_topic_iam_member.publishes : "${grant.role} on ${grant.topic}"],
    [for grant in google_project_iam_member.role : grant.role],
    [for grant in google_project_iam_member.database : "${grant.role} if ${grant.condition[0].expression}"],
  ))
}
