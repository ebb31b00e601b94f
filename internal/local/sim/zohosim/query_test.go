package zohosim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (b *bench) query(text string) reply {
	b.t.Helper()
	body, err := json.Marshal(map[string]string{"select_query": text})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do("POST", "/crm/v8/coql", string(body))
}

// people are three contacts and two accounts for queries: the names of the
// contacts are a, b and c.
func people(t *testing.T, cfg Config) *bench {
	t.Helper()
	b := start(t, cfg)
	zylker := b.create(Accounts, `{"Account_Name":"Zylker","Employees":50,"Annual_Revenue":1000.5}`)
	tiny := b.create(Accounts, `{"Account_Name":"O'Tiny","Employees":2}`)
	b.create(Contacts, `{"Last_Name":"a","Email":"a@x.eu","Phone":"1","Date_of_Birth":"1980-01-01","Account_Name":{"id":"`+zylker+`"}}`)
	b.sim.Clock().Advance(10 * time.Second)
	b.create(Contacts, `{"Last_Name":"b","Email":"b@x.eu","Email_Opt_Out":true,"Account_Name":{"id":"`+tiny+`"}}`)
	b.sim.Clock().Advance(10 * time.Second)
	b.create(Contacts, `{"Last_Name":"c","First_Name":"it's \"c\"","HubSpot_ID":"h1"}`)
	return b
}

func TestCOQLFindsByItsConditions(t *testing.T) {
	b := people(t, Config{})
	middle := b.later(-15 * time.Second)
	tests := map[string]struct{ where, want string }{
		"equal, whatever the case":   {`Email = 'A@X.EU'`, "a"},
		"not equal leaves out nulls": {`Email != 'a@x.eu'`, "b"},
		"null":                       {`Email is null`, "c"},
		"not null":                   {`Email is not null`, "a b"},
		"in":                         {`Email in ('a@x.eu', 'b@x.eu')`, "a b"},
		"not in leaves out nulls":    {`Email not in ('a@x.eu')`, "b"},
		"like at the start":          {`Email like 'a%'`, "a"},
		"like anywhere":              {`Email like '%@x%'`, "a b"},
		"not like":                   {`Email not like 'a%'`, "b"},
		"and":                        {`Email like '%x.eu' and Phone = '1'`, "a"},
		"or":                         {`Email = 'a@x.eu' or HubSpot_ID = 'h1'`, "a c"},
		"brackets":                   {`(Email is null or Email = 'a@x.eu') and Last_Name != 'c'`, "a"},
		"three in pairs":             {`((Email is not null and Phone is null) and Last_Name = 'b')`, "b"},
		"a doubled quote":            {`First_Name = 'it''s "c"'`, "c"},
		"double quotes":              {`First_Name = "it's ""c"""`, "c"},
		"later than":                 {`Modified_Time > '` + middle + `'`, "b c"},
		"not later than":             {`Modified_Time <= '` + middle + `'`, "a"},
		"between times":              {`Modified_Time between '` + middle + `' and '` + b.later(-5*time.Second) + `'`, "b"},
		"a date":                     {`Date_of_Birth < '1990-01-01'`, "a"},
		"a boolean":                  {`Email_Opt_Out = true`, "b"},
		"the company's name":         {`Account_Name.Account_Name = 'O''Tiny'`, "b"},
		"the company's size":         {`Account_Name.Employees >= 50`, "a"},
		"who changed it":             {`Modified_By.id = '` + DefaultUserID + `'`, "a b c"},
		"keywords in any case":       {`Email IS NOT NULL AND Phone Is Null`, "b"},
		"nothing":                    {`Last_Name = 'nobody'`, ""},
		"unique field by its index":  {`HubSpot_ID in ('h1','h2')`, "c"},
		"either side indexed or not": {`HubSpot_ID = 'h1' or Phone = '1'`, "a c"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out := b.query("select Last_Name from Contacts where " + tt.where + " order by Last_Name asc")
			var got []string
			list, _ := out.body["data"].([]any)
			for i := range list {
				got = append(got, at(list, i, "Last_Name").(string))
			}
			status := map[bool]int{true: 204, false: 200}[tt.want == ""]
			if out.status != status || strings.Join(got, " ") != tt.want {
				t.Errorf("got %d %q, want %q: %s", out.status, got, tt.want, out.text)
			}
		})
	}
}

func TestCOQLRefusesWhatItCannotRead(t *testing.T) {
	b := people(t, Config{})
	conditions := func(n int) string {
		text := "Phone = '0'"
		for i := 1; i < n; i++ {
			text = fmt.Sprintf("(%s or Phone = '%d')", text, i)
		}
		return text
	}
	list := "'0'" + strings.Repeat(",'1'", 50)
	tests := map[string]struct{ query, code string }{
		"no where":                  {"select id from Contacts", "SYNTAX_ERROR"},
		"no from":                   {"select id where id is not null", "SYNTAX_ERROR"},
		"star":                      {"select * from Contacts where id is not null", "SYNTAX_ERROR"},
		"not a select":              {"delete from Contacts where id is not null", "SYNTAX_ERROR"},
		"open text":                 {"select id from Contacts where Phone = 'x", "SYNTAX_ERROR"},
		"backslash does not escape": {`select id from Contacts where Phone = 'it\'s'`, "SYNTAX_ERROR"},
		"open bracket":              {"select id from Contacts where (Phone = '1'", "SYNTAX_ERROR"},
		"three without brackets":    {"select id from Contacts where Phone = '1' and Phone = '2' and Phone = '3'", "SYNTAX_ERROR"},
		"something behind":          {"select id from Contacts where id is not null limit 1 please", "SYNTAX_ERROR"},
		"limit is a text":           {"select id from Contacts where id is not null limit 'x'", "SYNTAX_ERROR"},
		"half a condition":          {"select id from Contacts where Phone", "SYNTAX_ERROR"},
		"is with a value":           {"select id from Contacts where Phone is '1'", "SYNTAX_ERROR"},
		"semicolon":                 {"select id from Contacts where id is not null;", "SYNTAX_ERROR"},
		"unknown column":            {"select Colour from Contacts where id is not null", "INVALID_QUERY"},
		"unknown column in where":   {"select id from Contacts where Colour = 'x'", "INVALID_QUERY"},
		"unknown column behind dot": {"select Account_Name.Colour from Contacts where id is not null", "INVALID_QUERY"},
		"unknown module":            {"select id from Leads where id is not null", "INVALID_QUERY"},
		"like inside":               {"select id from Contacts where Phone like '1%2'", "INVALID_QUERY"},
		"greater on text":           {"select id from Contacts where Last_Name > 'a'", "INVALID_QUERY"},
		"text without quotes":       {"select id from Contacts where Phone = 1", "INVALID_QUERY"},
		"number in quotes":          {"select id from Accounts where Employees = '5'", "INVALID_QUERY"},
		"time with a fraction":      {"select id from Contacts where Modified_Time > '2026-11-23T10:00:00.123+01:00'", "INVALID_QUERY"},
		"time without offset":       {"select id from Contacts where Modified_Time > '2026-11-23T10:00:00'", "INVALID_QUERY"},
		"multi-line field":          {"select id from Contacts where Description = 'x'", "INVALID_QUERY"},
		"51 values in a list":       {"select id from Contacts where Phone in (" + list + ")", "INVALID_QUERY"},
		"26 conditions":             {"select id from Contacts where " + conditions(26), "LIMIT_EXCEEDED"},
		"2,001 rows":                {"select id from Contacts where id is not null limit 2001", "LIMIT_EXCEEDED"},
		"offset above 100,000":      {"select id from Contacts where id is not null limit 100000, 1", "LIMIT_EXCEEDED"},
		"order twice by one column": {"select id from Contacts where id is not null order by id, id", "DUPLICATE_DATA"},
		"three joins":               {"select Account_Name.Phone, Owner.email, Modified_By.email from Contacts where id is not null", "LIMIT_EXCEEDED"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if out := b.query(tt.query); out.status != http.StatusBadRequest || out.body["code"] != tt.code {
				t.Errorf("got %d %s, want %s", out.status, out.text, tt.code)
			}
		})
	}
	if out := b.query("select id from Contacts where " + conditions(25)); out.status != http.StatusOK {
		t.Errorf("25 conditions got %d %s", out.status, out.text)
	}
	if out := b.must(http.StatusBadRequest, "POST", "/crm/v8/coql", `{}`); out.body["code"] != "MANDATORY_NOT_FOUND" {
		t.Errorf("no query: got %s", out.text)
	}
}

func TestCOQLShowsRelatedRecordsByID(t *testing.T) {
	b := people(t, Config{})
	out := b.query("select Last_Name, Account_Name, Account_Name.Account_Name, Modified_By, Owner.email from Contacts where Last_Name = 'a'")
	row := at(out.body, "data", 0)
	want := map[string]any{
		"id": at(row, "id"), "Last_Name": "a", "Account_Name": map[string]any{"id": at(row, "Account_Name", "id")},
		"Account_Name.Account_Name": "Zylker", "Modified_By": map[string]any{"id": DefaultUserID}, "Owner.email": "connector@example.com",
	}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"count": 1.0, "more_records": false}, out.body["info"]); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
}

func TestCOQLOrdersAndPages(t *testing.T) {
	b := start(t, Config{})
	ids := b.fill(205)
	const all = "select id from Contacts where id is not null "
	tests := map[string]struct {
		tail string
		want []string
		more bool
	}{
		"200 by id unless told": {"", ids[:200], true},
		"limit":                 {"limit 2", ids[:2], true},
		"offset, limit":         {"limit 3, 2", ids[3:5], true},
		"limit and offset":      {"limit 2 offset 3", ids[3:5], true},
		"the last page":         {"limit 200, 200", ids[200:], false},
		"descending":            {"order by Last_Name desc limit 1", ids[204:], true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out := b.query(all + tt.tail)
			if diff := cmp.Diff(tt.want, out.ids()); diff != "" || at(out.body, "info", "more_records") != tt.more {
				t.Errorf("more %v (-want +got):\n%s", at(out.body, "info", "more_records"), diff)
			}
		})
	}
	if out := b.query(all + "limit 300, 10"); out.status != http.StatusNoContent {
		t.Errorf("beyond the end: got %d", out.status)
	}
}

func TestSearchTrailsAndQueriesDoNot(t *testing.T) {
	b := start(t, Config{SearchLag: 30 * time.Second})
	id := b.create(Contacts, `{"Last_Name":"Doe","Email":"old@x.eu"}`)
	find := func(email string) []string { return b.do("GET", "/crm/v8/Contacts/search?email="+email, "").ids() }
	ask := func(email string) []string {
		return b.query("select id from Contacts where Email = '" + email + "'").ids()
	}
	expect := func(when string, got, want []string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", when, got, want)
		}
	}
	here := []string{id}
	expect("search at once", find("old@x.eu"), nil)
	expect("query at once", ask("old@x.eu"), here)
	b.sim.Clock().Advance(30 * time.Second)
	expect("search after the lag", find("old@x.eu"), here)
	b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Email":"new@x.eu"}]}`)
	expect("search for the new value", find("new@x.eu"), nil)
	expect("search for the old value", find("old@x.eu"), here)
	expect("query for the new value", ask("new@x.eu"), here)
	b.sim.Clock().Advance(30 * time.Second)
	expect("search for the new value after the lag", find("new@x.eu"), here)
	b.must(http.StatusOK, "DELETE", "/crm/v8/Contacts/"+id, "")
	expect("search for a deleted record", find("new@x.eu"), here)
	expect("query for a deleted record", ask("new@x.eu"), nil)
	b.sim.Clock().Advance(30 * time.Second)
	expect("search for it after the lag", find("new@x.eu"), nil)
}

func TestSearchShowsEachStateInItsTurn(t *testing.T) {
	b := start(t, Config{SearchLag: 30 * time.Second})
	id := b.create(Contacts, `{"Last_Name":"A1"}`)
	write := func(after time.Duration, name string) {
		b.sim.Clock().Advance(after)
		b.must(http.StatusOK, "PUT", "/crm/v8/Contacts/"+id, `{"data":[{"Last_Name":"`+name+`"}]}`)
	}
	write(10*time.Second, "A2")
	write(10*time.Second, "A3")
	write(40*time.Second, "A4")
	for _, want := range []string{"A3", "A4"} {
		out := b.must(http.StatusOK, "GET", "/crm/v8/Contacts/search?criteria="+url.QueryEscape("(Last_Name:starts_with:A)"), "")
		if got := at(out.body, "data", 0, "Last_Name"); got != want {
			t.Errorf("search shows %v, want %s", got, want)
		}
		b.sim.Clock().Advance(30 * time.Second)
	}
	if r := b.sim.tables[Contacts].rows[id]; len(r.older) > 2 {
		t.Errorf("%d old states are kept", len(r.older))
	}
}

func TestSearchSelectors(t *testing.T) {
	b := people(t, Config{})
	b.create(Contacts, `{"Last_Name":"d (x, y)","Phone":"+49 (30) 12-34","Secondary_Email":"d2@x.eu"}`)
	tests := map[string]struct{ query, want string }{
		"email, whatever the case": {"email=A@x.eu", "a"},
		"second e-mail":            {"email=d2@x.eu", "d (x, y)"},
		"phone in another form":    {"phone=" + url.QueryEscape("+49301234"), "d (x, y)"},
		"word":                     {"word=it", "c"},
		"criteria":                 {"criteria=" + url.QueryEscape("(Last_Name:equals:a)"), "a"},
		"two criteria":             {"criteria=" + url.QueryEscape("((Last_Name:equals:a)or(Last_Name:equals:b))"), "a b"},
		"nested criteria":          {"criteria=" + url.QueryEscape("(((Last_Name:equals:a)or(Last_Name:equals:b))and(Email:starts_with:b))"), "b"},
		"escaped":                  {"criteria=" + url.QueryEscape(`(Last_Name:equals:d \(x\, y\))`), "d (x, y)"},
		"in":                       {"criteria=" + url.QueryEscape("(Last_Name:in:a,c)"), "a c"},
		"lookup by name":           {"criteria=" + url.QueryEscape("(Account_Name:equals:Zylker)"), "a"},
		"no hit":                   {"email=z@x.eu", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out := b.do("GET", "/crm/v8/Contacts/search?sort_order=asc&fields=Last_Name&"+tt.query, "")
			var got []string
			for i := range out.ids() {
				got = append(got, at(out.body, "data", i, "Last_Name").(string))
			}
			if strings.Join(got, " ") != tt.want || tt.want == "" && out.status != http.StatusNoContent {
				t.Errorf("got %d %q, want %q: %s", out.status, got, tt.want, out.text)
			}
		})
	}
}

func TestSearchRefusals(t *testing.T) {
	b := people(t, Config{})
	criteria := func(text string) string { return "criteria=" + url.QueryEscape(text) }
	eleven := "(" + strings.TrimSuffix(strings.Repeat("(Phone:equals:1)or", 11), "or") + ")"
	tests := map[string]struct{ query, code string }{
		"no selector":        {"", "REQUIRED_PARAM_MISSING"},
		"two selectors":      {"email=a@x.eu&word=ab", "AMBIGUITY_DURING_PROCESSING"},
		"not an e-mail":      {"email=a", "INVALID_DATA"},
		"one letter":         {"word=a", "INVALID_DATA"},
		"beyond 2,000":       {"word=ab&page=11", "DISCRETE_PAGINATION_LIMIT_EXCEEDED"},
		"no brackets":        {criteria("Phone:equals:1"), "INVALID_QUERY"},
		"not closed":         {criteria("(Phone:equals:1"), "INVALID_QUERY"},
		"not escaped":        {criteria("(Phone:equals:(1))"), "INVALID_QUERY"},
		"unknown field":      {criteria("(Colour:equals:1)"), "INVALID_QUERY"},
		"unknown comparator": {criteria("(Phone:is:1)"), "INVALID_QUERY"},
		"and, or mixed":      {criteria("((Phone:equals:1)and(Phone:equals:2)or(Phone:equals:3))"), "INVALID_QUERY"},
		"eleven criteria":    {criteria(eleven), "LIMIT_EXCEEDED"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if out := b.must(http.StatusBadRequest, "GET", "/crm/v8/Contacts/search?"+tt.query, ""); out.body["code"] != tt.code {
				t.Errorf("got %s", out.text)
			}
		})
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add("select Last_Name, Email from Contacts where Modified_Time >= '2026-11-23T09:00:00+01:00' order by Modified_Time asc, id asc limit 0, 200")
	f.Add("select id from Contacts where ((a = 'it''s' and b in (1, -2.5)) or c is not null) limit 3 offset 4")
	f.Fuzz(func(t *testing.T, text string) {
		q, wrong := parseQuery(text)
		if (q == nil) == (wrong == nil) {
			t.Errorf("%q gave both or neither of a query and an error", text)
		}
	})
}

func TestCOQLPutsEmptyValuesFirstAndDescribesColumns(t *testing.T) {
	b := people(t, Config{})
	out := b.must(http.StatusOK, "POST", "/crm/v8/coql",
		`{"select_query":"select Last_Name from Contacts where id is not null order by Email desc, Last_Name asc","include_meta":["fields"]}`)
	var got []any
	for i := range out.ids() {
		got = append(got, at(out.body, "data", i, "Last_Name"))
	}
	if diff := cmp.Diff([]any{"b", "a", "c"}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if at(out.body, "fields", "Last_Name", "data_type") != "text" {
		t.Errorf("meta %v", out.body["fields"])
	}
}
