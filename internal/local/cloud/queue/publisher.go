package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// maxReceive is what a server must be able to receive in bytes: a publish
// request of the greatest size and its frame.
const maxReceive = maxRequestBytes + 1<<20

// errTopicExists is returned for a topic that was created before.
var errTopicExists = errors.New("topic exists")

// ServerOptions are the options that a gRPC server needs for Register: without
// them gRPC refuses requests over 4 MiB, which the service takes.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.MaxRecvMsgSize(maxReceive)}
}

// Register makes the queue answer on a server: all of google.pubsub.v1.Publisher
// that concerns topics and publishing, and of Subscriber what reads the
// configuration. Subscriptions come from Options.
func (q *Queue) Register(s grpc.ServiceRegistrar) {
	pubsubpb.RegisterPublisherServer(s, &publisher{queue: q})
	pubsubpb.RegisterSubscriberServer(s, &subscriber{queue: q})
}

func topicName(project, id string) string { return "projects/" + project + "/topics/" + id }

func subscriptionName(project, id string) string {
	return "projects/" + project + "/subscriptions/" + id
}

// publisher answers the Publisher service.
type publisher struct {
	pubsubpb.UnimplementedPublisherServer
	queue *Queue
}

// Publish answers when every message of the request is in the log.
func (p *publisher) Publish(_ context.Context, req *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	if err := checkRequest(req.GetMessages(), proto.Size(req)); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	msgs := make([]*Message, len(req.GetMessages()))
	for i, m := range req.GetMessages() {
		msgs[i] = &Message{Data: m.GetData(), Attributes: m.GetAttributes(), OrderingKey: m.GetOrderingKey()}
	}
	if err := p.queue.publish(req.GetTopic(), msgs...); err != nil {
		return nil, asStatus(err)
	}
	ids := make([]string, len(msgs))
	for i, m := range msgs {
		ids[i] = m.ID
	}
	return &pubsubpb.PublishResponse{MessageIds: ids}, nil
}

func (p *publisher) CreateTopic(_ context.Context, req *pubsubpb.Topic) (*pubsubpb.Topic, error) {
	if err := p.queue.createTopic(req.GetName()); err != nil {
		return nil, asStatus(err)
	}
	return &pubsubpb.Topic{Name: req.GetName()}, nil
}

// UpdateTopic changes nothing: no setting of a topic means anything here.
func (p *publisher) UpdateTopic(_ context.Context, req *pubsubpb.UpdateTopicRequest) (*pubsubpb.Topic, error) {
	return p.topic(req.GetTopic().GetName())
}

func (p *publisher) GetTopic(_ context.Context, req *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	return p.topic(req.GetTopic())
}

func (p *publisher) topic(name string) (*pubsubpb.Topic, error) {
	if !p.queue.hasTopic(name) {
		return nil, asStatus(fmt.Errorf("%w: %s", errNoTopic, name))
	}
	return &pubsubpb.Topic{Name: name}, nil
}

// ListTopics lists all of a project's topics on one page.
func (p *publisher) ListTopics(_ context.Context, req *pubsubpb.ListTopicsRequest) (*pubsubpb.ListTopicsResponse, error) {
	resp := &pubsubpb.ListTopicsResponse{}
	for _, name := range p.queue.topicsUnder(req.GetProject() + "/topics/") {
		resp.Topics = append(resp.Topics, &pubsubpb.Topic{Name: name})
	}
	return resp, nil
}

func (p *publisher) ListTopicSubscriptions(_ context.Context, req *pubsubpb.ListTopicSubscriptionsRequest) (*pubsubpb.ListTopicSubscriptionsResponse, error) {
	if _, err := p.topic(req.GetTopic()); err != nil {
		return nil, err
	}
	resp := &pubsubpb.ListTopicSubscriptionsResponse{}
	for _, e := range p.queue.subscribed(req.GetTopic()) {
		resp.Subscriptions = append(resp.Subscriptions, e.name)
	}
	return resp, nil
}

func (p *publisher) DeleteTopic(_ context.Context, req *pubsubpb.DeleteTopicRequest) (*emptypb.Empty, error) {
	if err := p.queue.deleteTopic(req.GetTopic()); err != nil {
		return nil, asStatus(err)
	}
	return &emptypb.Empty{}, nil
}

// asStatus gives an error the code that the service would.
func asStatus(err error) error {
	switch {
	case errors.Is(err, errNoTopic):
		return status.Error(codes.NotFound, err.Error())
	case errors.Is(err, errTopicExists):
		return status.Error(codes.AlreadyExists, err.Error())
	case errors.Is(err, errTopicName):
		return status.Error(codes.InvalidArgument, err.Error())
	}
	// The queue is closed or the log cannot be written: clients try again.
	return status.Error(codes.Unavailable, err.Error())
}

// errTopicName is returned for a name that the service would not take.
var errTopicName = errors.New("a topic is called projects/PROJECT/topics/TOPIC")

func (q *Queue) createTopic(name string) error {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || parts[0] != "projects" || parts[1] == "" || parts[2] != "topics" || !validID(parts[3]) {
		return errTopicName
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.topics[name] {
		return fmt.Errorf("%w: %s", errTopicExists, name)
	}
	if err := q.log.append(record{Kind: recordTopic, Topic: name}); err != nil {
		return err
	}
	q.topics[name] = true
	return nil
}

// deleteTopic deletes a topic. Its messages are delivered all the same. Unlike
// in the service, a configured subscription gets the messages of a new topic of
// the same name.
func (q *Queue) deleteTopic(name string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.topics[name] {
		return fmt.Errorf("%w: %s", errNoTopic, name)
	}
	if err := q.log.append(record{Kind: recordNoTopic, Topic: name}); err != nil {
		return err
	}
	delete(q.topics, name)
	return nil
}

func (q *Queue) hasTopic(name string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.topics[name]
}

// topicsUnder lists the topics with a prefix in order.
func (q *Queue) topicsUnder(prefix string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var names []string
	for name := range q.topics {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
