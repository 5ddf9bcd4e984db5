package status

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-github/v75/github"
)

// App is where the credentials of a GitHub App are, which posts in place of a person's token. They are read before
// each use, so that a rotated key, or another app, counts at once:
//
//	app-id            its ID, or its client ID
//	private-key.pem   as GitHub gave it
//	installation-id   number of its installation; without that file it is found by the repository
type App struct{ dir string }

// The files of an App.
const (
	appIDFile        = "app-id"
	appKeyFile       = "private-key.pem"
	installationFile = "installation-id"
)

// FindApp is the App in a directory of credentials; nil where there is nothing of one. It is an error if only a part
// of one is there.
func FindApp(dir string) (*App, error) {
	a := &App{dir}
	files, err := a.read()
	if err != nil || files == (appFiles{}) {
		return nil, err
	}
	return a, nil
}

// appFiles is what the files of an App say.
type appFiles struct{ id, key, installation string }

// read reads the files; there is nothing in them where there are none.
func (a *App) read() (appFiles, error) {
	var f appFiles
	var missing, there []string
	for _, file := range []struct {
		name string
		text *string
	}{{appIDFile, &f.id}, {appKeyFile, &f.key}, {installationFile, &f.installation}} {
		text, err := readSmall(filepath.Join(a.dir, file.name))
		*file.text = text
		switch {
		case err == nil && text == "":
			return f, fmt.Errorf("GitHub App: %s in forge/ of the credentials is empty", file.name)
		case err == nil:
			there = append(there, file.name)
		case !errors.Is(err, fs.ErrNotExist):
			return f, fmt.Errorf("GitHub App: %w", err)
		case file.name != installationFile:
			missing = append(missing, file.name)
		}
	}
	if len(there) > 0 && len(missing) > 0 {
		return f, fmt.Errorf("GitHub App: there is %s in forge/ of the credentials, and no %s; add it, or take what is there away",
			strings.Join(there, " and "), strings.Join(missing, " and "))
	}
	return f, nil
}

// grant is a token of an installation. It lasts for an hour.
type grant struct {
	of    appFiles
	token string
	ends  time.Time
}

// spare is how long before its end a token is not used any more: for the way, and for clocks that differ.
const spare = 5 * time.Minute

// installation is an App where it is installed, for one repository. It is the credential of what the App does there.
type installation struct {
	*App
	connect     func(credential) (*github.Client, error)
	owner, name string
	known       *Known // has the grant
}

// token is the one that is known, else a new one. While it is fetched nothing is locked, so that each request
// waits no longer than it wants; two that come at the same time may both fetch one, which does no harm.
func (i *installation) token(ctx context.Context) (string, error) {
	files, err := i.read()
	if err != nil {
		return "", err
	}
	i.known.mu.Lock()
	have := i.known.grant
	i.known.mu.Unlock()
	if have.of == files && time.Until(have.ends) > spare {
		return have.token, nil
	}
	got, err := i.fetch(ctx, files)
	if err != nil {
		return "", err
	}
	i.known.mu.Lock()
	defer i.known.mu.Unlock()
	i.known.grant = got
	return got.token, nil
}

// refused forgets a token. There may be another one: the app was installed anew, or its tokens were revoked.
func (i *installation) refused(token string) bool {
	i.known.mu.Lock()
	defer i.known.mu.Unlock()
	if i.known.grant.token == token {
		i.known.grant = grant{}
	}
	return true
}

func (i *installation) mark() (string, error) {
	files, err := i.read()
	return "app " + files.id, err
}

// fetch asks for a token.
func (i *installation) fetch(ctx context.Context, files appFiles) (grant, error) {
	sdk, err := i.connect(assertion(files))
	if err != nil {
		return grant{}, err
	}
	number, err := i.number(ctx, sdk, files)
	if err != nil {
		return grant{}, err
	}
	t, _, err := sdk.Apps.CreateInstallationToken(ctx, number, nil)
	if err != nil {
		return grant{}, failedApp(fmt.Sprintf("token of installation %d", number), err)
	}
	if t.GetToken() == "" {
		return grant{}, fmt.Errorf("GitHub App: the answer has no token of installation %d", number)
	}
	return grant{of: files, token: t.GetToken(), ends: t.GetExpiresAt().Time}, nil
}

// number is that of the installation.
func (i *installation) number(ctx context.Context, sdk *github.Client, files appFiles) (int64, error) {
	if files.installation != "" {
		n, err := strconv.ParseInt(files.installation, 10, 64)
		if err != nil || n <= 0 {
			return 0, fmt.Errorf("GitHub App: %s in forge/ of the credentials is not a number; "+
				"it stands at the end of the URL of the installation's settings", installationFile)
		}
		return n, nil
	}
	found, _, err := sdk.Apps.FindRepositoryInstallation(ctx, i.owner, i.name)
	if err != nil {
		return 0, failedApp(fmt.Sprintf("installation on %s/%s", i.owner, i.name), err)
	}
	return found.GetID(), nil
}

// login is the account under which the App writes.
func (i *installation) login(ctx context.Context) (string, *http.Response, error) {
	files, err := i.read()
	if err != nil {
		return "", nil, err
	}
	sdk, err := i.connect(assertion(files))
	if err != nil {
		return "", nil, err
	}
	app, _, err := sdk.Apps.Get(ctx, "")
	if err != nil {
		return "", nil, failedApp("its name", err)
	}
	return app.GetSlug() + "[bot]", nil, nil
}

// failedApp says what could not be had for the App. What GitHub answered to that is not its answer to what is to be
// posted, which may well be taken later.
func failedApp(what string, err error) error {
	answer, err := answerOfGitHub(err)
	if answer == nil {
		return fmt.Errorf("GitHub App: %s: %w", what, err)
	}
	hint := ""
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		hint = "; app-id and private-key.pem in forge/ of the credentials must belong together, and the clock be right"
	case http.StatusForbidden, http.StatusNotFound:
		hint = "; install the app on the repository, and see that it is not suspended"
	}
	err = fmt.Errorf("GitHub App: %s: %v%s", what, err, hint)
	if after, said := pauseAsked(answer); said {
		return &LaterError{After: after, Err: err}
	}
	return err
}

// assertion is what an App says of itself, signed with its key. It is taken for the App, not for an installation.
type assertion appFiles

func (a assertion) token(context.Context) (string, error) {
	key, err := a.privateKey()
	if err != nil {
		return "", err
	}
	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer:    a.id,
		IssuedAt:  jwt.NewNumericDate(now.Add(-time.Minute)), // GitHub's clock may be behind
		ExpiresAt: jwt.NewNumericDate(now.Add(spare)),        // it allows ten minutes
	}).SignedString(key)
	if err != nil {
		return "", fmt.Errorf("GitHub App: signing with %s: %w", appKeyFile, err)
	}
	return token, nil
}

func (assertion) refused(string) bool { return false }

func (a assertion) mark() (string, error) { return a.id, nil }

func (a assertion) privateKey() (*rsa.PrivateKey, error) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(a.key))
	if err != nil {
		return nil, fmt.Errorf("GitHub App: %s in forge/ of the credentials is no RSA private key in PEM", appKeyFile)
	}
	return key, nil
}
