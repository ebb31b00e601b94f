package gcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"regexp"
	"slices"
	"sync"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// secretName matches the resource name of a version of a secret.
var secretName = regexp.MustCompile(`^projects/[^/\s]+/secrets/[^/\s]+/versions/[^/\s]+$`)

// SecretAccess fetches the payload of a version of a secret by its resource
// name. Secrets.AccessSecret is one.
type SecretAccess func(ctx context.Context, name string) ([]byte, error)

// ResolveSecrets returns values with each one that is the name of a secret's version,
// "projects/P/secrets/S/versions/V", replaced by that secret. Other values stay
// as they are. Each secret is fetched once, all at the same time. The line break
// that an editor leaves at the end is removed.
//
// The error names everything that could not be fetched, by key and secret, and
// holds no value. An empty secret is an error: a check against an empty secret
// would be no check.
func ResolveSecrets(ctx context.Context, values map[string]string, access SecretAccess) (map[string]string, error) {
	fetched := fetchSecrets(ctx, values, access)
	resolved := maps.Clone(values)
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		name := values[key]
		secret, ok := fetched[name]
		if !ok {
			continue
		}
		if secret.err != nil {
			problems = append(problems, fmt.Errorf("%s: secret %s: %w", key, name, secret.err))
			continue
		}
		resolved[key] = secret.value
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return resolved, nil
}

type secret struct {
	value string
	err   error
}

// fetchSecrets returns an entry for every name of a secret among values.
func fetchSecrets(ctx context.Context, values map[string]string, access SecretAccess) map[string]*secret {
	fetched := map[string]*secret{}
	var wg sync.WaitGroup
	for _, name := range values {
		if !secretName.MatchString(name) || fetched[name] != nil {
			continue
		}
		s := &secret{}
		fetched[name] = s
		wg.Go(func() {
			data, err := access(ctx, name)
			data = bytes.TrimRight(data, "\r\n")
			if err == nil && len(data) == 0 {
				err = errors.New("is empty")
			}
			s.value, s.err = string(data), err
		})
	}
	wg.Wait()
	return fetched
}

// Secrets reads Secret Manager. The zero value is ready and makes its client on
// first use; an attempt that fails is repeated on the next.
type Secrets struct {
	// Options are given to the client.
	Options []option.ClientOption

	mu     sync.Mutex
	client *secretmanager.Client
}

// AccessSecret returns the payload of a version of a secret, whose checksum it
// verifies.
func (s *Secrets) AccessSecret(ctx context.Context, name string) ([]byte, error) {
	client, err := s.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to secret manager: %w", err)
	}
	res, err := client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: name})
	if err != nil {
		return nil, fmt.Errorf("access: %w", err)
	}
	payload := res.GetPayload()
	if payload.DataCrc32C != nil {
		sum := int64(crc32.Checksum(payload.GetData(), crc32.MakeTable(crc32.Castagnoli)))
		if sum != payload.GetDataCrc32C() {
			return nil, errors.New("access: payload is damaged, its checksum differs")
		}
	}
	return payload.GetData(), nil
}

// Close ends the connection, if one was made.
func (s *Secrets) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		return nil
	}
	err := s.client.Close()
	s.client = nil
	return err
}

func (s *Secrets) connect(ctx context.Context) (*secretmanager.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	// The client outlives the request that happens to make it.
	client, err := secretmanager.NewClient(context.WithoutCancel(ctx), s.Options...)
	if err != nil {
		return nil, err
	}
	s.client = client
	return client, nil
}

// AddSecret stores a payload as the newest version of a secret that exists, unless
// the newest version holds it already, and reports whether it did.
func (s *Secrets) AddSecret(ctx context.Context, project, id string, payload []byte) (bool, error) {
	client, err := s.connect(ctx)
	if err != nil {
		return false, fmt.Errorf("connect to secret manager: %w", err)
	}
	parent := "projects/" + project + "/secrets/" + id
	newest, err := s.AccessSecret(ctx, parent+"/versions/latest")
	if err == nil && bytes.Equal(newest, payload) {
		return false, nil
	}
	if err != nil && status.Code(err) != codes.NotFound && status.Code(err) != codes.FailedPrecondition {
		return false, fmt.Errorf("look at secret %s: %w", id, err)
	}
	sum := int64(crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)))
	_, err = client.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{
		Parent: parent, Payload: &secretmanagerpb.SecretPayload{Data: payload, DataCrc32C: &sum},
	})
	if err != nil {
		return false, fmt.Errorf("add a version to secret %s, which terraform makes: %w", id, err)
	}
	return true, nil
}
