package gcp

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Add stores a payload as the newest version of a secret that exists, unless
// the newest version holds it already, and reports whether it did.
func (s *Secrets) Add(ctx context.Context, project, id string, payload []byte) (bool, error) {
	client, err := s.connect(ctx)
	if err != nil {
		return false, fmt.Errorf("connect to secret manager: %w", err)
	}
	parent := "projects/" + project + "/secrets/" + id
	newest, err := s.Access(ctx, parent+"/versions/latest")
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
