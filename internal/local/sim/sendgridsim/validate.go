package sendgridsim

import (
	"encoding/json"
	"net/mail"
	"slices"
	"strconv"
	"strings"
)

// message is the body of a request. Fields that this simulator only passes by
// stay raw.
type message struct {
	Personalizations []personalization `json:"personalizations"`
	From             *person           `json:"from"`
	ReplyTo          *person           `json:"reply_to"`
	ReplyToList      []person          `json:"reply_to_list"`
	Subject          string            `json:"subject"`
	Content          []content         `json:"content"`
	Categories       []string          `json:"categories"`
	Headers          map[string]string `json:"headers"`
	CustomArgs       map[string]string `json:"custom_args"`
	TemplateID       string            `json:"template_id"`
	MailSettings     struct {
		Sandbox struct {
			Enable bool `json:"enable"`
		} `json:"sandbox_mode"`
		Bypass        json.RawMessage `json:"bypass_list_management"`
		BypassSpam    json.RawMessage `json:"bypass_spam_management"`
		BypassBounce  json.RawMessage `json:"bypass_bounce_management"`
		BypassUnsub   json.RawMessage `json:"bypass_unsubscribe_management"`
		Footer        json.RawMessage `json:"footer"`
		SpamCheck     json.RawMessage `json:"spam_check"`
		BlindCarbonCC json.RawMessage `json:"bcc"`
	} `json:"mail_settings"`
	Attachments      json.RawMessage `json:"attachments"`
	Sections         json.RawMessage `json:"sections"`
	SendAt           json.RawMessage `json:"send_at"`
	BatchID          json.RawMessage `json:"batch_id"`
	ASM              json.RawMessage `json:"asm"`
	IPPoolName       json.RawMessage `json:"ip_pool_name"`
	TrackingSettings json.RawMessage `json:"tracking_settings"`
}

type personalization struct {
	To                  []person          `json:"to"`
	From                *person           `json:"from"`
	CC                  []person          `json:"cc"`
	BCC                 []person          `json:"bcc"`
	Subject             string            `json:"subject"`
	Headers             map[string]string `json:"headers"`
	CustomArgs          map[string]string `json:"custom_args"`
	Substitutions       json.RawMessage   `json:"substitutions"`
	DynamicTemplateData json.RawMessage   `json:"dynamic_template_data"`
	SendAt              json.RawMessage   `json:"send_at"`
}

type person struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

type content struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// SendGrid's limits.
const (
	maxPersonalizations = 1000
	maxRecipients       = 1000
	maxCategories       = 10
	maxCategory         = 255
	maxCustomArgs       = 10_000 // bytes
)

// validate returns the first thing that SendGrid would refuse.
func (m message) validate() *apiError {
	for _, check := range []func() *apiError{m.checkRecipients, m.checkSender, m.checkSubject, m.checkContent, m.checkRest} {
		if refused := check(); refused != nil {
			return refused
		}
	}
	return nil
}

func (m message) checkRecipients() *apiError {
	switch n := len(m.Personalizations); {
	case n == 0:
		return badField("personalizations", "The personalizations field is required and must have at least one personalization.")
	case n > maxPersonalizations:
		return badField("personalizations", "The personalization block is limited to 1000 personalizations per API request. You have provided %d personalizations. Please consider splitting this into multiple requests and resending your request.", n)
	}
	total := 0
	for i, p := range m.Personalizations {
		at := "personalizations." + strconv.Itoa(i)
		if len(p.To) == 0 {
			return badField(at+".to", "The to array is required for all personalization objects, and must have at least one email object with a valid email address.")
		}
		seen := map[string]bool{}
		for _, list := range []struct {
			name   string
			people []person
		}{{"to", p.To}, {"cc", p.CC}, {"bcc", p.BCC}} {
			for j, who := range list.people {
				field := at + "." + list.name
				if !isAddress(who.Email) {
					return badField(field+"."+strconv.Itoa(j)+".email", "Does not contain a valid address.")
				}
				if key := strings.ToLower(who.Email); seen[key] {
					return badField(at, "Each email address in the personalization block should be unique between to, cc, and bcc. We found the first duplicate instance of [%s] in the %s field.", who.Email, field)
				}
				seen[strings.ToLower(who.Email)] = true
				total++
			}
		}
	}
	if total > maxRecipients {
		return badField("personalizations", "There is a limit of 1000 total recipients (to + cc + bcc) per request.")
	}
	return nil
}

func (m message) checkSender() *apiError {
	if m.From == nil {
		return badField("from", `The from object must be provided for every email send. It is an object that requires the email parameter, but may also contain a name parameter.  e.g. {"email" : "example@example.com"}  or {"email" : "example@example.com", "name" : "Example Recipient"}.`)
	}
	if !isAddress(m.From.Email) {
		return badField("from.email", "The from email does not contain a valid address.")
	}
	if m.ReplyTo != nil && !isAddress(m.ReplyTo.Email) {
		return badField("reply_to.email", "The reply_to email does not contain a valid address.")
	}
	return nil
}

func (m message) checkSubject() *apiError {
	missing := slices.ContainsFunc(m.Personalizations, func(p personalization) bool { return p.Subject == "" })
	if m.Subject == "" && m.TemplateID == "" && missing {
		return badField("subject", "The subject is required. You can get around this requirement if you use a template with a subject defined or if every personalization has a subject defined.")
	}
	if strings.ContainsAny(m.Subject, "\r\n") {
		return badField("subject", "The subject may not contain carriage returns or line feeds.")
	}
	return nil
}

func (m message) checkContent() *apiError {
	if len(m.Content) == 0 && m.TemplateID == "" {
		return badField("content", "Unless a valid template_id is provided, the content parameter is required. There must be at least one defined content block. We typically suggest both text/plain and text/html blocks are included, but only one block is required.")
	}
	order := map[string]int{"text/plain": 1, "text/html": 2}
	before := 0
	for i, c := range m.Content {
		at := "content." + strconv.Itoa(i)
		if c.Type == "" || strings.ContainsAny(c.Type, ";,\r\n") {
			return badField(at+".type", "The content type must be a string at least one character in length, and cannot contain ';', ',', or CRLF characters.")
		}
		if c.Value == "" {
			return badField(at+".value", "The content value must be a string at least one character in length.")
		}
		place, known := order[c.Type]
		if !known {
			place = 3
		}
		if place < before || place == before && known {
			return badField("content", "If present, text/plain and text/html may only be provided once, text/plain must be first, followed by text/html, then any other content.")
		}
		before = place
	}
	return nil
}

// reserved are the headers that SendGrid writes itself.
var reserved = []string{
	"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding",
	"to", "from", "subject", "reply-to", "cc", "bcc",
}

func (m message) checkRest() *apiError {
	if len(m.Categories) > maxCategories {
		return badField("categories", "You can only add up to 10 categories per request.")
	}
	for i, c := range m.Categories {
		if len(c) > maxCategory {
			return badField("categories."+strconv.Itoa(i), "Each category name may not exceed 255 characters.")
		}
		if slices.Contains(m.Categories[:i], c) {
			return badField("categories", "The categories must be unique.")
		}
	}
	for name, value := range m.Headers {
		if slices.Contains(reserved, strings.ToLower(name)) {
			return badField("headers", "The header %s is reserved.", strings.ToLower(name))
		}
		if strings.ContainsAny(name+value, "\r\n") {
			return badField("headers", "The headers may not contain CRLF characters.")
		}
	}
	size := 0
	for name, value := range m.CustomArgs {
		size += len(name) + len(value)
	}
	if size > maxCustomArgs {
		return badField("custom_args", "The custom_args may not exceed 10,000 bytes.")
	}
	return nil
}

// isAddress reports whether s is an address and nothing but that.
func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && a.Name == "" && !strings.ContainsAny(s, "<>\r\n ")
}
