package hubspotsim

import (
	"net/http"
	"slices"
	"strconv"
)

// owner is a user to whom records can belong. Properties take the id, not the
// user id.
type owner struct {
	ID        string `json:"id"`
	Email     string `json:"email"`
	Type      string `json:"type"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	UserID    *int64 `json:"userId"` // null when archived
	CreatedAt string `json:"createdAt"`
	UpdatedAt string `json:"updatedAt"`
	Archived  bool   `json:"archived"`
	Teams     []team `json:"teams,omitempty"`
}

type team struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Primary bool   `json:"primary"`
}

func defaultOwners() []owner {
	const since = "2024-01-17T19:55:04.281Z"
	one, two := int64(defaultUser), int64(9586504)
	sales := []team{{ID: "368389", Name: "Sales", Primary: true}}
	return []owner{
		{ID: "41629779", Email: "alex@example.com", Type: "PERSON", FirstName: "Alex", LastName: "Owner",
			UserID: &one, CreatedAt: since, UpdatedAt: since, Teams: sales},
		{ID: "41629780", Email: "kim@example.com", Type: "PERSON", FirstName: "Kim", LastName: "Keeper",
			UserID: &two, CreatedAt: since, UpdatedAt: since},
		{ID: "41629781", Email: "gone@example.com", Type: "PERSON", FirstName: "Robin", LastName: "Gone",
			CreatedAt: since, UpdatedAt: since, Archived: true},
	}
}

func (s *Server) serveOwners(r *request) (*reply, error) {
	if err := s.need("crm.objects.owners.read"); err != nil {
		return nil, err
	}
	if r.Method != http.MethodGet {
		return nil, fail(http.StatusMethodNotAllowed, wrongMethod, "HTTP 405 Method Not Allowed")
	}
	q := r.URL.Query()
	if len(r.path) == 1 {
		return s.getOwner(r, q.Get("idProperty"))
	}
	if len(r.path) > 1 {
		return nil, errNoResource()
	}
	limit := 100
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 500 {
			return nil, invalid("Invalid query parameter: limit")
		}
		limit = n
	}
	hits := slices.DeleteFunc(slices.Clone(s.owners), func(o owner) bool {
		return o.Archived != r.archived() || q.Get("email") != "" && o.Email != q.Get("email") || o.ID <= q.Get("after")
	})
	if len(hits) > limit {
		return ok(map[string]any{"results": hits[:limit], "paging": paging(hits[limit-1].ID)})
	}
	return ok(map[string]any{"results": hits})
}

// getOwner finds an owner by its id or, with idProperty=userId, by its user.
func (s *Server) getOwner(r *request, idProperty string) (*reply, error) {
	if !slices.Contains([]string{"", "id", "userId"}, idProperty) {
		return nil, invalid("Invalid query parameter: idProperty")
	}
	for _, o := range s.owners {
		id := o.ID
		if idProperty == "userId" {
			if o.UserID == nil {
				continue
			}
			id = strconv.FormatInt(*o.UserID, 10)
		}
		if id == r.path[0] && o.Archived == r.archived() {
			return ok(o)
		}
	}
	return nil, errNoResource()
}

func (s *Server) serveAccount(r *request) (*reply, error) {
	if len(r.path) != 0 || r.Method != http.MethodGet {
		return nil, errNoResource()
	}
	return ok(map[string]any{
		"portalId": s.cfg.PortalID, "accountType": "DEVELOPER_TEST", "timeZone": "US/Eastern", "companyCurrency": "USD",
		"additionalCurrencies": []string{}, "utcOffset": "-04:00", "utcOffsetMilliseconds": accountOffset.Milliseconds(),
		"uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
	})
}
