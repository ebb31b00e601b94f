package hubspotsim

import (
	"errors"
	"net/http"
)

// propertyBatch answers POST /properties/{t}/batch/{operation}. What is wrong
// with one input becomes an item; archiving passes over what does not exist.
func (s *Server) propertyBatch(r *request, k *kind, operation string) (*reply, error) {
	var in struct {
		Archived bool            `json:"archived"` // of a read: archived ones instead
		Inputs   []propertyInput `json:"inputs"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := size(len(in.Inputs)); err != nil {
		return nil, err
	}
	status := http.StatusOK
	var handle func(propertyInput, string) (*property, error)
	switch operation {
	case "read":
		handle = func(_ propertyInput, name string) (*property, error) { return k.defined(name, in.Archived) }
	case "create":
		status = http.StatusCreated
		handle = func(input propertyInput, _ string) (*property, error) { return s.addProperty(k, input) }
	case "archive":
		return k.archiveProperties(in.Inputs)
	default:
		return nil, errNoResource()
	}
	started, results, errs := s.now(), []property{}, []*apiError{}
	for _, input := range in.Inputs {
		p, err := handle(input, input.name())
		var item *apiError
		switch {
		case err == nil:
			results = append(results, p.clone())
		case errors.As(err, &item):
			errs = append(errs, item)
		default:
			return nil, err
		}
	}
	return s.envelope(r, status, started, results, errs), nil
}

func (k *kind) archiveProperties(inputs []propertyInput) (*reply, error) {
	for _, input := range inputs {
		if p := k.properties[input.name()]; p != nil && !p.Modification.Archivable {
			return nil, invalid("%s cannot be archived", p.Name)
		}
	}
	for _, input := range inputs {
		if p := k.properties[input.name()]; p != nil {
			p.Archived = true
		}
	}
	return &reply{status: http.StatusNoContent}, nil
}

func (in propertyInput) name() string {
	if in.Name == nil {
		return ""
	}
	return *in.Name
}
