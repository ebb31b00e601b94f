// Package zoho is all that the connector knows of Zoho CRM.
//
// Client reads and writes contacts (module Contacts) and companies (module
// Accounts) through version 8 of the REST API. Whether a write succeeded is
// taken from the status of its record, never from the HTTP status, and whatever
// has an unknown shape counts as failed. Every write carries an empty trigger
// list, so that no workflow of the customer runs because of the connector.
//
// TokenService keeps one access token for all functions. It alone holds the refresh
// token, and renews under a lease since Zoho allows ten renewals in ten minutes.
// TokenClient stands for it in the functions that only use the token.
//
// ParseNotification and ParseWorkflow read what Zoho posts when a record
// changed, and Verifier tells it from a forgery. Zoho signs nothing, so a
// notification is a hint: nothing in it but the record's id is ever used.
//
// The wire format is described at https://www.zoho.com/crm/developer/docs/api/v8/.
package zoho
