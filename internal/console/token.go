package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// tokenLife is how long a page can be left open before it has to be read anew.
const tokenLife = 12 * time.Hour

// tokens make the token that every form carries: a page of another site cannot
// know it, whatever the browser sends along with its request.
type tokens struct{ key []byte }

// newTokens derives a key of its own, so that nothing else that the key signs
// can be taken for a token.
func newTokens(key []byte) tokens {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("console forms"))
	return tokens{mac.Sum(nil)}
}

// issueToken returns a token for one person, such as "1764039600.Hy3v...".
func (t tokens) issueToken(who string, now time.Time) string {
	until := strconv.FormatInt(now.Add(tokenLife).Unix(), 10)
	return until + "." + t.sign(who, until)
}

// isValidToken reports whether the token was issued to the person and has not run out.
func (t tokens) isValidToken(token, who string, now time.Time) bool {
	until, signature, found := strings.Cut(token, ".")
	if !found || !hmac.Equal([]byte(signature), []byte(t.sign(who, until))) {
		return false
	}
	seconds, err := strconv.ParseInt(until, 10, 64)
	return err == nil && now.Before(time.Unix(seconds, 0))
}

func (t tokens) sign(who, until string) string {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(until + "\x00" + who))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
