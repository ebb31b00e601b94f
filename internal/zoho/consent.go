package zoho

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// Scopes are the permissions that the consent has to include.
var Scopes = []string{
	"ZohoCRM.modules.contacts.ALL", "ZohoCRM.modules.accounts.ALL", "ZohoCRM.notifications.ALL",
	"ZohoCRM.settings.fields.READ", "ZohoCRM.settings.modules.READ", "ZohoCRM.coql.READ", "ZohoCRM.users.READ", "ZohoCRM.org.READ",
}

// Consent is the result of a grant code.
type Consent struct {
	RefreshToken Secret
	APIDomain    string
	// Missing lists scopes that were not granted, if Zoho lists the granted
	// ones.
	Missing []string
}

// ExchangeCode exchanges the grant code of a self client, which is valid for
// three minutes, for a refresh token. A code can be used once.
func ExchangeCode(ctx context.Context, client *http.Client, accountsURL, clientID string, secret, code Secret) (Consent, error) {
	if err := CheckAccountsURL(accountsURL); err != nil {
		return Consent{}, fmt.Errorf("exchange the grant code: %w", err)
	}
	h := withoutRedirects(client)
	h.Transport = jsonContentType{h.Transport}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, h)
	config := oauth2.Config{ClientID: clientID, ClientSecret: string(secret), Endpoint: oauth2.Endpoint{
		TokenURL: strings.TrimRight(accountsURL, "/") + "/oauth/v2/token", AuthStyle: oauth2.AuthStyleInParams,
	}}
	token, err := config.Exchange(ctx, string(code))
	if err != nil {
		return Consent{}, fmt.Errorf("exchange the grant code: %s: make a new one in Zoho's API console, for the data centre of ZOHO_ACCOUNTS_URL, and use it within three minutes", failureCode(ctx, err))
	}
	domain, _ := token.Extra("api_domain").(string)
	switch {
	case token.RefreshToken == "":
		return Consent{}, errors.New("exchange the grant code: Zoho gave no refresh token: make the code with offline access, by a self client")
	case CheckAPIDomain(domain, accountsURL) != nil:
		return Consent{}, errors.New("exchange the grant code: the api_domain of the answer is not a host of Zoho")
	}
	scope, _ := token.Extra("scope").(string)
	return Consent{RefreshToken: Secret(token.RefreshToken), APIDomain: domain, Missing: missingScopes(scope)}, nil
}

// missingScopes compares the granted scopes, separated by blanks or commas,
// with Scopes. Zoho may list none, and may name a larger scope that includes
// one of ours.
func missingScopes(granted string) []string {
	have := strings.FieldsFunc(strings.ToLower(granted), func(r rune) bool { return r == ' ' || r == ',' })
	if len(have) == 0 {
		return nil
	}
	var missing []string
	for _, want := range Scopes {
		parts := strings.Split(strings.ToLower(want), ".")
		covers := []string{strings.Join(parts, ".")}
		for i := 1; i < len(parts); i++ {
			covers = append(covers, strings.Join(parts[:i], ".")+".all")
		}
		if !slices.ContainsFunc(covers, func(c string) bool { return slices.Contains(have, c) }) {
			missing = append(missing, want)
		}
	}
	return missing
}
