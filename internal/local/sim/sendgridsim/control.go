package sendgridsim

import (
	"bytes"
	"html/template"
	"net/http"
	"strconv"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

func (s *Server) mountControl(mux *http.ServeMux) {
	sim.Control{Clock: s.cfg.Clock, Faults: s.Faults, Recorder: s.Recorder}.Mount(mux)
	mux.HandleFunc("GET /_sim/mails", func(w http.ResponseWriter, _ *http.Request) {
		mails := s.Mails()
		if mails == nil {
			mails = []Mail{}
		}
		sim.WriteJSON(w, http.StatusOK, map[string]any{"mails": mails})
	})
	mux.HandleFunc("DELETE /_sim/mails", func(w http.ResponseWriter, _ *http.Request) {
		s.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	page := template.Must(template.New("list").Funcs(template.FuncMap{"next": func(i int) int { return i + 1 }}).Parse(listPage))
	mux.HandleFunc("GET /_sim/{$}", func(w http.ResponseWriter, _ *http.Request) { s.showList(w, page) })
	mux.HandleFunc("GET /_sim/mails/{n}/{part}", s.showPart)
}

const listPage = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Mails</title></head><body>
<h1>Mails</h1>
{{range $i, $m := .}}<p>{{$m.Accepted.Format "2006-01-02 15:04:05"}} <a href="mails/{{next $i}}/html">{{$m.Subject}}</a> (<a href="mails/{{next $i}}/text">text</a>) to {{range $j, $to := $m.To}}{{if $j}}, {{end}}{{$to}}{{end}}</p>
{{else}}<p>None yet.</p>
{{end}}</body></html>
`

func (s *Server) showList(w http.ResponseWriter, page *template.Template) {
	var out bytes.Buffer
	if err := page.Execute(&out, s.Mails()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes()) // the reader may have gone
}

// showPart shows a part as a mail program would: no script runs, nothing is
// loaded from elsewhere.
func (s *Server) showPart(w http.ResponseWriter, r *http.Request) {
	mails := s.Mails()
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 1 || n > len(mails) {
		http.NotFound(w, r)
		return
	}
	kind, part := "text/plain; charset=utf-8", mails[n-1].Text
	switch r.PathValue("part") {
	case "text":
	case "html":
		kind, part = "text/html; charset=utf-8", mails[n-1].HTML
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'")
	_, _ = w.Write([]byte(part)) // the reader may have gone
}
