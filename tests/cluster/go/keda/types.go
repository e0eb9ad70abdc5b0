// Package keda names the API of which controller-gen makes CRDs, as KEDA's own build does.
package keda

import _ "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
