package queue

import (
	"context"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// subscriber answers the Subscriber service as far as it reads configuration.
// Messages are pushed, never pulled.
type subscriber struct {
	pubsubpb.UnimplementedSubscriberServer
	queue *Queue
}

// errConfigured says where subscriptions come from.
var errConfigured = status.Error(codes.Unimplemented,
	"the embedded queue has the subscriptions it was started with; they cannot be changed or pulled from")

// CreateSubscription answers ALREADY_EXISTS for one that is configured, so that
// a program which creates what is missing goes on.
func (s *subscriber) CreateSubscription(_ context.Context, req *pubsubpb.Subscription) (*pubsubpb.Subscription, error) {
	if s.find(req.GetName()) != nil {
		return nil, status.Errorf(codes.AlreadyExists, "subscription exists: %s", req.GetName())
	}
	return nil, errConfigured
}

func (s *subscriber) GetSubscription(_ context.Context, req *pubsubpb.GetSubscriptionRequest) (*pubsubpb.Subscription, error) {
	e := s.find(req.GetSubscription())
	if e == nil {
		return nil, status.Errorf(codes.NotFound, "no such subscription: %s", req.GetSubscription())
	}
	return s.describe(e), nil
}

// ListSubscriptions lists all of a project's subscriptions on one page.
func (s *subscriber) ListSubscriptions(_ context.Context, req *pubsubpb.ListSubscriptionsRequest) (*pubsubpb.ListSubscriptionsResponse, error) {
	resp := &pubsubpb.ListSubscriptionsResponse{}
	for _, e := range s.queue.engines {
		if strings.HasPrefix(e.name, req.GetProject()+"/") {
			resp.Subscriptions = append(resp.Subscriptions, s.describe(e))
		}
	}
	return resp, nil
}

func (s *subscriber) Pull(context.Context, *pubsubpb.PullRequest) (*pubsubpb.PullResponse, error) {
	return nil, errConfigured
}

func (s *subscriber) StreamingPull(pubsubpb.Subscriber_StreamingPullServer) error {
	return errConfigured
}

func (s *subscriber) find(name string) *engine {
	for _, e := range s.queue.engines {
		if e.name == name {
			return e
		}
	}
	return nil
}

// describe returns a subscription as the service would show it.
func (s *subscriber) describe(e *engine) *pubsubpb.Subscription {
	project := s.queue.opts.Project
	sub := &pubsubpb.Subscription{
		Name:                     e.name,
		Topic:                    topicName(project, e.sub.Topic),
		PushConfig:               &pubsubpb.PushConfig{PushEndpoint: e.sub.Endpoint},
		AckDeadlineSeconds:       int32(max(1, e.sub.AckDeadline/time.Second)),
		MessageRetentionDuration: durationpb.New(e.sub.Retention),
		EnableMessageOrdering:    e.sub.Ordered,
		RetryPolicy: &pubsubpb.RetryPolicy{
			MinimumBackoff: durationpb.New(e.sub.MinBackoff),
			MaximumBackoff: durationpb.New(e.sub.MaxBackoff),
		},
		State: pubsubpb.Subscription_ACTIVE,
	}
	if e.sub.DeadLetterTopic != "" {
		sub.DeadLetterPolicy = &pubsubpb.DeadLetterPolicy{
			DeadLetterTopic:     topicName(project, e.sub.DeadLetterTopic),
			MaxDeliveryAttempts: int32(e.sub.MaxDeliveryAttempts),
		}
	}
	return sub
}
