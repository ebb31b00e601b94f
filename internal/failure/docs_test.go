package failure

import (
	"cmp"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hubspot-zoho/connector/internal/failurecode"
)

// Update rewrites the golden files.
var Update = flag.Bool("update", false, "rewrite the golden files")

const docsPage = "../../docs/failures.md"

// TestTheDocumentationListsEveryCode: docs/failures.md is this table. The flag
// -update writes it.
func TestTheDocumentationListsEveryCode(t *testing.T) {
	want := docsText()
	if *Update {
		if err := os.WriteFile(docsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(docsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/failures.md differs from the table of codes: run go test ./internal/failure -run TestTheDocumentationListsEveryCode -update")
	}
}

func docsText() string {
	var b strings.Builder
	b.WriteString(docsIntroduction)
	b.WriteString("\n## Found by the connector\n\n| code | class | meaning | remedy |\n|---|---|---|---|\n")
	for _, r := range connectorRules {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.code, r.class, r.text, r.remedy)
	}
	for _, section := range []struct {
		title string
		rules []rule
	}{
		{"Answered by HubSpot", hubspotRules}, {"Answered by Zoho CRM", zohoRules}, {"Answered by Firestore and Pub/Sub", googleRules},
		{"Answered by SendGrid", sendgridRules}, {"Other answers, by their kind", generalRules},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n| code or kind | class | remedy |\n|---|---|---|\n", section.title)
		for _, r := range section.rules {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", describeCondition(r), r.class, r.remedy)
		}
	}
	b.WriteString("\n## Operations that need nothing\n\nThe log names the reason of an operation that is ignored, or of one that is parked for several fields.\n\n| reason | meaning |\n|---|---|\n")
	for _, r := range failurecode.AllReasons() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r, r.Text())
	}
	return b.String()
}

const docsIntroduction = `# Failures

This page lists every code of a failure with its class and its remedy, in the words of the mail, the console and ` + "`connector failures`" + `. It is written from the table in ` + "`internal/failure`" + `; a test compares the two. [The failure model](failure-model.md) says which faults lead to a failure.

| class | what becomes of the operation |
|---|---|
| ` + "`permanent`" + ` | It is recorded, mailed and acknowledged: retrying cannot succeed |
| ` + "`healing`" + ` | It is retried, and recorded when all attempts failed |
| ` + "`stop`" + ` | It waits, with all that meet the same error, until a person acts or the quota returns |
`

// describeCondition says when a rule applies.
func describeCondition(r rule) string {
	var parts []string
	if r.code != "" {
		parts = append(parts, "`"+string(r.code)+"`")
	}
	if r.status != 0 {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("status %d %s", r.status, http.StatusText(r.status))))
	}
	if r.kind != "" && len(parts) == 0 || r.long {
		parts = append(parts, strings.ReplaceAll(string(r.kind), "_", " "))
	}
	if r.long {
		parts = append(parts, "for 30 minutes or more")
	}
	return cmp.Or(strings.Join(parts, ", "), "any other")
}
