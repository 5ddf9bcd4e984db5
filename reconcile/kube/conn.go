package kube

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chartutil"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// conn is one connection to a cluster: one HTTP client, one discovery, one mapper and one set of
// capabilities for everything that goes on there. Helm's own way of making these anew for each release is
// most of what a release costs.
type conn struct {
	config  *rest.Config
	client  *http.Client
	kube    kubernetes.Interface
	meta    metadata.Interface
	dynamic dynamic.Interface
	disco   discovery.CachedDiscoveryInterface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
	answers answers
	asking  sync.Mutex // whoever asks for capabilities

	mu      sync.Mutex // guards what follows; never held while the cluster is asked something
	caps    *chartutil.Capabilities
	fetched time.Time
	kinds   time.Time // when kinds were last asked for because one was missing
	rest    map[answersOf]rest.Interface
	served  map[schema.GroupVersionKind]*meta.RESTMapping // as far as somebody asked
}

// connect makes a connection; it asks the cluster nothing yet.
func connect(config *rest.Config, g *gate) (*conn, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // the API server's own fairness bounds us, and the loop's workers do
	config.UserAgent = "reconcile"
	config.DisableCompression = true // what is listed once at the start would cost both sides more than the wire
	config.Wrap(g.over)
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	c := &conn{
		config: config, client: client,
		rest: map[answersOf]rest.Interface{}, served: map[schema.GroupVersionKind]*meta.RESTMapping{},
	}
	if c.kube, err = kubernetes.NewForConfigAndClient(compact(config), client); err != nil {
		return nil, err
	}
	if c.meta, err = metadata.NewForConfigAndClient(metadata.ConfigFor(config), client); err != nil {
		return nil, err
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(dynamic.ConfigFor(config), client); err != nil {
		return nil, err
	}
	d, err := discovery.NewDiscoveryClientForConfigAndClient(config, client)
	if err != nil {
		return nil, err
	}
	c.disco = memory.NewMemCacheClient(d)
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(c.disco)
	return c, nil
}

// compact is a configuration for types that Kubernetes knows: they are smaller, and sooner read, in its own
// encoding than as JSON.
func compact(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	return config
}

// answersOf says what a client asks for: objects of one group and version, or no more than their metadata.
type answersOf struct {
	schema.GroupVersion
	metadata bool
}

// restFor is the client for the objects of one kind, without types. A terse one answers with their metadata alone, which
// takes a fraction of reading a whole object, where the kind is one of Kubernetes' own: another may be served by somebody
// who does not know how.
func (c *conn) restFor(gvk schema.GroupVersionKind, terse bool) (rest.Interface, error) {
	of := answersOf{gvk.GroupVersion(), terse && scheme.Scheme.Recognizes(gvk)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if client, there := c.rest[of]; there {
		return client, nil
	}
	config := rest.CopyConfig(c.config)
	config.ContentConfig = resource.UnstructuredPlusDefaultContentConfig()
	if of.metadata {
		config = metadata.ConfigFor(c.config)
		config.ContentType, config.AcceptContentTypes = runtime.ContentTypeJSON, onlyMetadata
	}
	client, err := c.clientOf(of.GroupVersion, config)
	if err != nil {
		return nil, err
	}
	c.rest[of] = client
	return client, nil
}

// onlyMetadata asks for the metadata of an object, whatever its kind.
const onlyMetadata = runtime.ContentTypeProtobuf + ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1," +
	runtime.ContentTypeJSON + ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

// clientOf is a client for the objects of one group and version, which go over the wire as config says.
func (c *conn) clientOf(gv schema.GroupVersion, config *rest.Config) (rest.Interface, error) {
	config.GroupVersion, config.APIPath = &gv, "/apis"
	if gv.Group == "" {
		config.APIPath = "/api"
	}
	return rest.RESTClientForConfigAndClient(config, c.client)
}

// kindsAge is how long it is believed that there is no such kind.
const kindsAge = 2 * time.Second

// mapping finds out how a kind is served. One that is not known may have come since, with what somebody else
// installed: then it is asked for anew, unless that was done within an age.
func (c *conn) mapping(kind schema.GroupKind, version string, age time.Duration) (*meta.RESTMapping, error) {
	gvk := kind.WithVersion(version)
	c.mu.Lock()
	found := c.served[gvk]
	c.mu.Unlock()
	if found != nil {
		return found, nil
	}
	found, err := c.mapper.RESTMapping(kind, version)
	if meta.IsNoMatchError(err) && c.outdated(age) {
		c.mapper.Reset()
		found, err = c.mapper.RESTMapping(kind, version)
	}
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.served[gvk] = found
	return found, nil
}

// outdated says whether it is time to ask for the kinds anew, of which one is missing.
func (c *conn) outdated(age time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := time.Since(c.kinds) > age
	if old {
		c.kinds = time.Now()
	}
	return old
}

// capsAge is how long capabilities are believed: a cluster that was upgraded, or was given new kinds, is
// noticed after that.
const capsAge = 10 * time.Minute

// capabilities are what the cluster can do, for charts that ask.
func (c *conn) capabilities() (*chartutil.Capabilities, error) {
	c.asking.Lock()
	defer c.asking.Unlock()
	if caps := c.believed(); caps != nil {
		return caps, nil
	}
	c.disco.Invalidate()
	version, err := c.disco.ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("asking for the version of Kubernetes: %w", err)
	}
	apis, err := action.GetVersionSet(c.disco)
	if err != nil {
		return nil, fmt.Errorf("asking for the kinds: %w", err)
	}
	caps := &chartutil.Capabilities{
		APIVersions: apis,
		KubeVersion: chartutil.KubeVersion{Version: version.GitVersion, Major: version.Major, Minor: version.Minor},
		HelmVersion: chartutil.DefaultCapabilities.HelmVersion,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.caps, c.fetched = caps, time.Now()
	clear(c.served) // a kind may be served otherwise since
	return caps, nil
}

// believed are the capabilities that were asked for lately; nil: they are to be asked for.
func (c *conn) believed() *chartutil.Capabilities {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.fetched) < capsAge {
		return c.caps
	}
	return nil
}

// version is that of Kubernetes, as it was asked last.
func (c *conn) version() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.caps == nil {
		return ""
	}
	return c.caps.KubeVersion.Version
}

// whoami is our user name in the cluster; empty where it does not say.
func (c *conn) whoami(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	review, err := c.kube.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return "" // before Kubernetes 1.28 nobody can ask that
	}
	return review.Status.UserInfo.Username
}

// getter hands the shared connection to Helm and kubectl's libraries.
type getter struct {
	*conn
	namespace string
}

// ToRESTConfig gives away a copy: kubectl's factory writes into the configuration it is given.
func (g getter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.config), nil }

// ToDiscoveryClient gives the shared discovery.
func (g getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) { return g.disco, nil }

// ToRESTMapper gives the shared mapper.
func (g getter) ToRESTMapper() (meta.RESTMapper, error) { return g.mapper, nil }

// ToRawKubeConfigLoader says which namespace is meant where an object names none.
func (g getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	overrides := &clientcmd.ConfigOverrides{Context: clientcmdapi.Context{Namespace: g.namespace}}
	return clientcmd.NewDefaultClientConfig(clientcmdapi.Config{}, overrides)
}
