package failure

import "github.com/hubspot-zoho/connector/internal/crm"

// hubspotRules hold HubSpot's errors: first those of a call, then the codes of
// single properties, which stand in the errors of a VALIDATION_ERROR.
// Source: https://developers.hubspot.com/docs/api-reference/error-handling
var hubspotRules = []rule{
	{system: crm.HubSpot, kind: crm.Unauthorized, code: "EXPIRED_AUTHENTICATION", class: Stop, origin: Credentials,
		remedy: "The access token of the HubSpot app has expired. Create a new one and store it in HUBSPOT_ACCESS_TOKEN."},
	{system: crm.HubSpot, kind: crm.Unauthorized, code: "INVALID_AUTHENTICATION", class: Stop, origin: Credentials,
		remedy: "HubSpot does not know the access token. Check HUBSPOT_ACCESS_TOKEN; the app may have been uninstalled or its token rotated."},
	{system: crm.HubSpot, code: "BAD_REFRESH_TOKEN", class: Stop, origin: Credentials,
		remedy: "HubSpot no longer accepts the consent. Install the app again."},
	{system: crm.HubSpot, kind: crm.Forbidden, code: "MISSING_SCOPES", class: Stop, origin: Permission,
		remedy: "The HubSpot app lacks a scope. Add the scopes that the set-up guide lists, install the app again, and store its new token."},
	{system: crm.HubSpot, kind: crm.RateLimited, code: "DAILY", class: Stop, origin: Quota,
		remedy: "HubSpot's calls of the day are used up. They come back at midnight in the account's time zone; nothing is lost. All private apps of the account share them."},
	{system: crm.HubSpot, kind: crm.RateLimited, code: "TEN_SECONDLY_ROLLING", class: Healing, origin: Quota,
		remedy: "Too many calls to HubSpot within ten seconds."},
	{system: crm.HubSpot, kind: crm.RateLimited, code: "SECONDLY", class: Healing, origin: Quota,
		remedy: "Too many searches in HubSpot within a second."},
	{system: crm.HubSpot, status: 477, class: Stop, origin: Outage,
		remedy: "HubSpot is moving the account to another data centre, which takes up to 24 hours. Everything waits; nothing is lost."},
	{system: crm.HubSpot, kind: crm.Locked, status: 423, class: Healing, origin: Contention,
		remedy: "HubSpot is changing the record in bulk."},
	{system: crm.HubSpot, kind: crm.Refused, status: 404, class: Stop, origin: Configuration,
		remedy: "HubSpot knows no such address. Check HUBSPOT_API_URL and HUBSPOT_API_VERSION."},
	{system: crm.HubSpot, kind: crm.Refused, status: 301, class: Stop, origin: Configuration, remedy: hubspotAddress},
	{system: crm.HubSpot, kind: crm.Refused, status: 302, class: Stop, origin: Configuration, remedy: hubspotAddress},
	{system: crm.HubSpot, kind: crm.Refused, status: 307, class: Stop, origin: Configuration, remedy: hubspotAddress},
	{system: crm.HubSpot, kind: crm.Refused, status: 308, class: Stop, origin: Configuration, remedy: hubspotAddress},
	{system: crm.HubSpot, kind: crm.Refused, status: 414, class: Permanent, origin: Data,
		remedy: "HubSpot cannot take more identities on one record (250), or the request was too long. Remove old e-mail addresses from the contact."},
	{system: crm.HubSpot, kind: crm.NotFound, class: Permanent, origin: Data,
		remedy: "The record no longer exists in HubSpot: it was deleted or merged. There is nothing to do unless that was a mistake: then restore it within 90 days."},
	{system: crm.HubSpot, kind: crm.Duplicate, code: "CONFLICT", class: Permanent, origin: Data,
		remedy: "Another HubSpot record has this e-mail address or domain. Merge the two records in HubSpot, then replay."},

	{system: crm.HubSpot, code: "CONFLICTING_UNIQUE_VALUE", class: Permanent, origin: Data,
		remedy: "Another HubSpot record already holds this unique value. Merge the two records, or correct the value on one of them."},
	{system: crm.HubSpot, code: "PROPERTY_DOESNT_EXIST", class: Permanent, origin: Configuration,
		remedy: "HubSpot has no such property. Create it, or take it out of the mapping."},
	{system: crm.HubSpot, code: "READ_ONLY_VALUE", class: Permanent, origin: Configuration,
		remedy: "HubSpot calculates this property itself. Set the field's direction in the mapping so that it is only read from HubSpot."},
	{system: crm.HubSpot, code: "INVALID_EMAIL", class: Permanent, origin: Data,
		remedy: "HubSpot does not accept the e-mail address. Correct it in the CRM where it was typed."},
	{system: crm.HubSpot, code: "INVALID_OPTION", class: Permanent, origin: Configuration,
		remedy: "HubSpot's property has no such option. Add the option in HubSpot, or map the value to an existing one."},
	{system: crm.HubSpot, code: "INVALID_LONG", class: Permanent, origin: Data, remedy: hubspotNumber},
	{system: crm.HubSpot, code: "INVALID_INTEGER", class: Permanent, origin: Data, remedy: hubspotNumber},
	{system: crm.HubSpot, code: "INVALID_DATE", class: Permanent, origin: Data,
		remedy: "HubSpot does not accept the date. Correct it in the CRM where it was typed, or the field's type in the mapping."},
	{system: crm.HubSpot, code: "MISSING_REQUIRED", class: Permanent, origin: Process,
		remedy: "A rule in HubSpot makes this property required. Fill it in, add it to the mapping, or relax the rule in HubSpot."},
	{system: crm.HubSpot, code: "MISSING_REQUIRED_PROPERTY", class: Permanent, origin: Process,
		remedy: "A rule in HubSpot makes this property required. Fill it in, add it to the mapping, or relax the rule in HubSpot."},
	{system: crm.HubSpot, kind: crm.Refused, code: "VALIDATION_ERROR", class: Permanent, origin: Defect,
		remedy: "HubSpot found the request wrong without naming a property. " + reportDefect},
}

const (
	hubspotAddress = "HubSpot's address answers with a redirect, which is not followed. Check HUBSPOT_API_URL."
	hubspotNumber  = "HubSpot expects a whole number. Correct the value in the CRM where it was typed, or the field's type in the mapping."
)
