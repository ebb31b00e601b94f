// Package zoho contains all code that depends on Zoho CRM.
//
// Client reads and writes contacts (module Contacts) and companies (module
// Accounts) through version 8 of the REST API. The status of a record decides
// whether its write succeeded, never the HTTP status, and an answer of unknown
// shape counts as a failure. Every write carries an empty trigger list, so that
// no workflow of the customer runs because of the connector.
//
// TokenService keeps one access token for all functions. Only it has the
// refresh token, and it renews under a lease since Zoho allows ten renewals in
// ten minutes. TokenClient fetches the token for the functions that only use
// it.
//
// ChannelManager keeps the channel open through which Zoho sends notifications.
// ParseNotification and ParseWorkflow read notifications of changed records, and
// Verifier refuses forged ones. Zoho signs nothing, so a notification is a hint:
// only the id of the record is ever used.
//
// The wire format is described at https://www.zoho.com/crm/developer/docs/api/v8/.
package zoho
