// Package sendgridsim plays the part of SendGrid that sends mail:
// POST /v3/mail/send. It promises to refuse what SendGrid is documented to
// refuse, with its status and its form of errors, answers 202 to the rest, and
// keeps the mails instead of sending them.
//
// The control API under /_sim/, which needs no key, shows the mails as JSON
// and, for people, as they look:
//
//	GET    /_sim/mails            {"mails":[...]}
//	DELETE /_sim/mails            forgets them
//	GET    /_sim/                 a page with links to them
//	GET    /_sim/mails/{n}/html   the HTML part of the n-th mail, from 1
//	GET    /_sim/mails/{n}/text   its text part
//
// beside the calls, the faults and the clock that every simulator has.
//
// Source: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
package sendgridsim
