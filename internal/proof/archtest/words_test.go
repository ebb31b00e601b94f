package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// privateWords are words that this project once had for things which have a name in
// its field, with that name. docs/glossary.md explains the words that it has now.
var privateWords = map[string]string{
	"abandon":  "drop",
	"adopt":    "join an incomplete link",
	"brake":    "safeguard",
	"bury":     "suppress",
	"buried":   "suppressed",
	"crowd":    "load or cohort",
	"deaf":     "webhooks are dropped",
	"desk":     "operator or store",
	"doctor":   "check",
	"door":     "handler or queue",
	"figures":  "stats",
	"forgive":  "clear refusals",
	"grave":    "suppression",
	"heir":     "record that may take over a link",
	"house":    "deps or local stack",
	"inherit":  "take over a link",
	"keeper":   "manager",
	"knock":    "flush",
	"likest":   "best match",
	"linger":   "wait",
	"patience": "longest wait",
	"rig":      "testbed or scenario",
	"rival":    "competitor",
	"room":     "package or capacity",
	"scene":    "scenario",
	"sighting": "snapshot",
	"story":    "scenario",
	"twin":     "counterpart",
	"unheard":  "unseen or missed",
	"worry":    "alert",
}

// isPrivate returns the word to use instead, "" where a word is fine.
func isPrivate(word string) string {
	word = strings.ToLower(word)
	for _, w := range []string{word, strings.TrimSuffix(word, "s"), strings.TrimSuffix(word, "ies") + "y"} {
		if instead := privateWords[w]; instead != "" {
			return instead
		}
	}
	return ""
}

func TestNamesUseTheWordsOfTheField(t *testing.T) {
	for _, name := range goFiles(t) {
		seen := map[string]bool{}
		ast.Inspect(parse(t, filepath.Join(root, name)), func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok || seen[id.Name] {
				return true
			}
			seen[id.Name] = true
			for _, word := range camelWord.FindAllString(id.Name, -1) {
				if instead := isPrivate(word); instead != "" {
					t.Errorf("%s: %s has the word %q: the word of the field is %s", name, id.Name, word, instead)
				}
			}
			return true
		})
	}
}

// proseWord is a word of a text.
var proseWord = regexp.MustCompile(`[\pL]+`)

func TestPagesUseTheWordsOfTheField(t *testing.T) {
	for _, name := range committed(t) {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(data), "\n") {
			for _, word := range proseWord.FindAllString(line, -1) {
				if unicode.IsUpper([]rune(word)[0]) && word == strings.ToUpper(word) {
					continue // an abbreviation
				}
				if instead := isPrivate(word); instead != "" {
					t.Errorf("%s:%d has the word %q: the word of the field is %s", name, i+1, word, instead)
				}
			}
		}
	}
}

func TestPrivateWordsAreFound(t *testing.T) {
	for word, want := range map[string]bool{"Twins": true, "graves": true, "worries": true, "rivals": true, "story": true, "stories": true, "counterpart": false, "history": false, "outdoors": false} {
		if got := isPrivate(word) != ""; got != want {
			t.Errorf("%s: %t", word, got)
		}
	}
}
